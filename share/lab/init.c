/*
 * The only program of the lab's guests: process 1 of a Linux that boots in a second. It loads the balloon driver, keeps each
 * vCPU as busy and as much memory in use as it is told, and obeys one-line commands on its second serial port. Each starts with
 * a number. The answer repeats number and command before it says more ("7 mem 24: ok"): whoever asks while the guest boots hears
 * echoes of himself, and a busy guest's serial port loses bytes, so only what is heard back was understood.
 *
 *   burn P [P1 ...]    each vCPU (or vCPU 0, 1 ...) busy P per cent of wall time
 *   mem MB             hold MB of touched memory
 *   grow MBPS LIMIT    hold MBPS more each second up to LIMIT MB (0: until memory runs out), then give all back
 *   stat               one line of what it does and sees
 *   off                power off
 *
 * Written for static linking without a C library's luxuries: no threads, no allocation but mmap.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MAX_VCPUS = 64, MAX_BLOCKS = 65536, BLOCK = 1 << 20, PAGE = 4096, PERIOD_US = 100000, LINE = 256 };

/* What the command reader tells the workers, in memory that all processes share. */
struct orders {
  volatile int percent[MAX_VCPUS];
  volatile long hold_mb, grow_mbps, grow_limit_mb, held_mb, grows_done;
};

static struct orders *orders;
static int vcpus;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void say(int fd, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  for (int done = 0; done < length;) {
    int written = write(fd, line + done, length - done);
    if (written <= 0) return;
    done += written;
  }
}

/* Busy for its share of each period, on one vCPU only. */
static void burn(int vcpu) {
  cpu_set_t own;
  CPU_ZERO(&own);
  CPU_SET(vcpu, &own);
  sched_setaffinity(0, sizeof own, &own);
  for (;;) {
    int percent = orders->percent[vcpu];
    double until = now() + percent * (PERIOD_US / 100) / 1e6;
    while (percent > 0 && now() < until)
      for (volatile int spin = 0; spin < 2000; spin++);
    if (percent < 100) usleep((100 - percent) * (PERIOD_US / 100));
  }
}

static void touch(char *block, long seed) {
  for (long at = 0; at < BLOCK; at += PAGE) *(long *)(block + at) = seed ^ at;
}

/* Holds as many blocks as ordered. Killed for want of memory it is started again by main, holding nothing. */
static void hold(void) {
  static char *blocks[MAX_BLOCKS];
  long held = 0, growing = 0, grown_from = 0;
  double since = 0;
  int fd = open("/proc/self/oom_score_adj", O_WRONLY);
  if (fd >= 0) say(fd, "1000");
  for (;; usleep(20000)) {
    long want = orders->hold_mb;
    if (orders->grow_mbps != growing) {
      growing = orders->grow_mbps;
      grown_from = held;
      since = now();
    }
    if (growing) want = grown_from + (long)((now() - since) * growing);
    int limit_reached = growing && orders->grow_limit_mb && want >= orders->grow_limit_mb;
    while (!limit_reached && held < want && held < MAX_BLOCKS) {
      char *block = mmap(0, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (block == MAP_FAILED) break;
      touch(block, held);
      blocks[held++] = block;
      orders->held_mb = held;
    }
    if (limit_reached || held < want) {
      orders->hold_mb = orders->grow_mbps = growing = want = 0;
      orders->grows_done++;
    }
    while (held > want) munmap(blocks[--held], BLOCK);
    orders->held_mb = held;
  }
}

static pid_t start_holder(void) {
  orders->held_mb = 0;
  pid_t pid = fork();
  if (pid == 0) hold();
  return pid;
}

static long meminfo_kb(const char *field) {
  char text[4096];
  int fd = open("/proc/meminfo", O_RDONLY);
  int length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length < 0) return -1;
  text[length] = 0;
  char *found = strstr(text, field);
  return found ? atol(found + strlen(field)) : -1;
}

static void order_burn(char *rest) {
  int given = 0;
  char *end;
  for (long percent = strtol(rest, &end, 10); end != rest && given < MAX_VCPUS; percent = strtol(rest, &end, 10)) {
    orders->percent[given++] = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    rest = end;
  }
  for (int vcpu = 1; given == 1 && vcpu < vcpus; vcpu++) orders->percent[vcpu] = orders->percent[0];
}

static void obey(char *line, int out) {
  long first = 0, second = 0;
  char *rest;
  long number = strtol(line, &rest, 10);
  line = rest + strspn(rest, " ");
  say(out, "%ld %s: ", number, line);
  if (!strncmp(line, "burn ", 5)) {
    order_burn(line + 5);
    say(out, "ok\n");
  } else if (sscanf(line, "mem %ld", &first) == 1) {
    orders->grow_mbps = 0;
    orders->hold_mb = first;
    say(out, "ok\n");
  } else if (sscanf(line, "grow %ld %ld", &first, &second) >= 1) {
    orders->grow_limit_mb = second;
    orders->grow_mbps = first;
    say(out, "ok\n");
  } else if (!strcmp(line, "stat")) {
    say(out, "vcpus=%ld burn=%d held_mb=%ld total_kb=%ld free_kb=%ld available_kb=%ld grows_done=%ld uptime=%.2f\n",
        sysconf(_SC_NPROCESSORS_ONLN), orders->percent[0], orders->held_mb, meminfo_kb("MemTotal:"),
        meminfo_kb("MemFree:"), meminfo_kb("MemAvailable:"), orders->grows_done, now());
  } else if (!strcmp(line, "off")) {
    say(out, "ok\n");
    tcdrain(out);
    reboot(RB_POWER_OFF);
  } else {
    say(out, "error: unknown command\n");
  }
}

/* In order of what needs what; those that the kernel has built in are not there. */
static void load_modules(void) {
  static const char *modules[] = {"virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
                                  "virtio_pci", "virtio_balloon"};
  for (unsigned i = 0; i < sizeof modules / sizeof *modules; i++) {
    char path[64];
    snprintf(path, sizeof path, "/%s.ko", modules[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (syscall(SYS_finit_module, fd, "", 0)) say(1, "module %s does not load\n", modules[i]);
    close(fd);
  }
}

static int open_control(void) {
  int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
  struct termios mode;
  if (fd < 0 || tcgetattr(fd, &mode)) return -1;
  cfmakeraw(&mode);
  mode.c_cflag |= CLOCAL;
  cfsetspeed(&mode, B115200);
  tcsetattr(fd, TCSANOW, &mode);
  return fd;
}

static void mount_all(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, 0);
  mount("dev", "/dev", "devtmpfs", 0, 0);
  mount("sys", "/sys", "sysfs", 0, 0);
  int console = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
  for (int fd = 0; console >= 0 && fd < 3; fd++) dup2(console, fd);
}

/* A vCPU that is plugged in is offline until someone switches it on: there is no udev here. */
static void switch_on_vcpus(void) {
  for (int vcpu = 1; vcpu < MAX_VCPUS; vcpu++) {
    char path[64];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", vcpu);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;
    say(fd, "1");
    close(fd);
  }
}

int main(void) {
  mount_all();
  load_modules();
  orders = mmap(0, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  vcpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (vcpus > MAX_VCPUS) vcpus = MAX_VCPUS;
  for (int vcpu = 0; vcpu < vcpus; vcpu++)
    if (fork() == 0) burn(vcpu);
  pid_t holder = start_holder();
  int control = open_control();
  say(1, "READY\n");
  char line[LINE];
  int length = 0;
  for (;;) {
    struct pollfd input = {control, POLLIN, 0};
    int ready = poll(&input, control >= 0, 500);
    for (pid_t gone; (gone = waitpid(-1, 0, WNOHANG)) > 0;) {
      if (gone != holder) continue;
      orders->grow_mbps = orders->hold_mb = 0;
      orders->grows_done++;
      holder = start_holder();
    }
    if (ready == 0) switch_on_vcpus();
    char byte;
    if (ready <= 0 || read(control, &byte, 1) != 1) continue;
    if (byte != '\n' && byte != '\r') {
      if (length < LINE - 1) line[length++] = byte;
      continue;
    }
    line[length] = 0;
    if (length > 0) obey(line, control);
    length = 0;
  }
}
