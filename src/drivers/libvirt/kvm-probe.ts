/**
 * Does KVM work here, really? That /dev/kvm exists says little: where a hypervisor below us emulates what it should run, guests
 * start and then crawl. So QEMU runs a tiny program of ours under KVM, in place of its BIOS: it enters 32-bit protected mode,
 * counts a register down, and ends QEMU through a debug port with a code that only it knows. Hardware counts in a few
 * milliseconds, TCG in a tenth of a second; where each instruction is emulated one by one, the deadline comes first.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";

export interface KvmProbeOptions {
  /** A QEMU program for x86. */
  readonly emulator: string;
  readonly clock: Clock;
  readonly accelerator?: "kvm" | "tcg";
  readonly deadline?: Milliseconds;
}

/** `works`, or why not: one clause. */
export type KvmProbe = { readonly works: true } | { readonly works: false; readonly reason: string };

const DEADLINE = milliseconds(4000);
const ROUNDS = 0x0200_0000;

const ROM_BYTES = 65_536;
/** Where the ROM shows up below 1 MiB. */
const ROM_BASE = 0xf_0000;
const RESET_VECTOR = 0xfff0;
const CODE = 0xff00;
const GDT = 0xff80;
const GDT_POINTER = 0xff90;
const EXIT_PORT = 0x501;
const EXIT_VALUE = 0x2a;
/** isa-debug-exit ends QEMU with (value << 1) | 1. */
const EXIT_CODE = (EXIT_VALUE << 1) | 1;

const word = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const long = (value: number): number[] => [...word(value), ...word(value >>> 16)];

/** The program, as the ROM that QEMU maps up to the end of the first MiB. */
export function probeRom(): Buffer {
  const rom = Buffer.alloc(ROM_BYTES, 0xf4);
  const enter = [
    ...[0xfa], // cli
    ...[0x2e, 0x0f, 0x01, 0x16, ...word(GDT_POINTER)], // lgdt cs:[GDT_POINTER]
    ...[0x0f, 0x20, 0xc0], // mov eax, cr0
    ...[0x0c, 0x01], // or al, 1
    ...[0x0f, 0x22, 0xc0], // mov cr0, eax
  ];
  const count = ROM_BASE + CODE + enter.length + 8;
  const program = [
    ...enter,
    ...[0x66, 0xea, ...long(count), ...word(8)], // jmp 8:count
    ...[0xb9, ...long(ROUNDS)], // mov ecx, ROUNDS
    ...[0x49, 0x75, 0xfd], // again: dec ecx; jnz again
    ...[0x66, 0xba, ...word(EXIT_PORT)], // mov dx, EXIT_PORT
    ...[0xb0, EXIT_VALUE, 0xee], // mov al, EXIT_VALUE; out dx, al
    ...[0xf4, 0xeb, 0xfd], // hlt for ever
  ];
  rom.set(program, CODE);
  // A null descriptor, and a flat 4 GiB code segment.
  rom.set([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0], GDT);
  rom.set([...word(15), ...long(ROM_BASE + GDT)], GDT_POINTER);
  rom.set([0xea, ...word(CODE), ...word(ROM_BASE >> 4)], RESET_VECTOR); // jmp F000:CODE
  return rom;
}

/** Takes a few tenths of a second where KVM works, `deadline` (4 s) where it hangs. */
export async function probeKvm(options: KvmProbeOptions): Promise<KvmProbe> {
  const folder = await mkdtemp(join(tmpdir(), "headroom-kvm-"));
  try {
    const rom = join(folder, "probe.rom");
    await writeFile(rom, probeRom());
    return await run(options, rom);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(options: KvmProbeOptions, rom: string): Promise<KvmProbe> {
  const { emulator, clock, accelerator = "kvm", deadline = DEADLINE } = options;
  const machine = ["-machine", "pc", "-m", "16", "-nodefaults", "-no-user-config", "-display", "none"];
  const exit = ["-device", `isa-debug-exit,iobase=${EXIT_PORT},iosize=1`];
  const child = spawn(emulator, ["-accel", accelerator, ...machine, "-bios", rom, ...exit], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-300);
  });
  const over = new AbortController();
  const ended = new Promise<KvmProbe>((resolve) => {
    child.on("error", (error) => resolve({ works: false, reason: `${emulator} does not start: ${error.message}` }));
    child.on("close", (code) => {
      const reason = `QEMU ended with code ${code}: ${said.trim() || "without a word"}`;
      resolve(code === EXIT_CODE ? { works: true } : { works: false, reason });
    });
  });
  const late = clock.sleep(deadline, over.signal).then<KvmProbe>(() => {
    const reason = `a guest that counts to ${ROUNDS} under KVM was not done within ${deadline / 1000} s`;
    return { works: false, reason };
  });
  const outcome = await Promise.race([ended, late]);
  over.abort();
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) child.kill("SIGKILL");
  return outcome;
}
