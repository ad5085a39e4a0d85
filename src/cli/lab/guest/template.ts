/** The domain template of the lab's guests: a kernel of our own, two serial ports, a balloon, and nothing else. */
import { join } from "node:path";
import type { GuestFiles } from "./kernel.js";

/**
 * The clock words matter: under load a guest's measurement of its TSC fails, and its clock then runs several times too fast.
 * hpet is slower to read and right every time.
 */
const KERNEL_WORDS = [
  "console=ttyS0 quiet panic=-1 nokaslr mitigations=off random.trust_cpu=on",
  "no_timer_check clocksource=hpet tsc=unstable",
  "cryptomgr.notests rcupdate.rcu_expedited=1 audit=0 selinux=0 apparmor=0",
  "8250.nr_uarts=2 i8042.noaux i8042.nokbd i8042.nopnp",
].join(" ");

/**
 * `folder`: where each guest's console log and control socket go, named after it. `mark` stands among the kernel's words,
 * unused: so the command line of a QEMU tells that it is the lab's (left-overs.ts).
 */
export const domainTemplate = (files: GuestFiles, folder: string, mark: string): string => `<domain>
  <os>
    <type machine='pc'>hvm</type>
    <kernel>${files.kernel}</kernel>
    <initrd>${files.initrd}</initrd>
    <cmdline>${KERNEL_WORDS} headroom-lab=${mark}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{diskFormat}'/>
      <source file='{diskPath}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'><source path='${join(folder, "{name}.log")}'/><target port='0'/></serial>
    <serial type='unix'><source mode='bind' path='${join(folder, "{name}.sock")}'/><target port='1'/></serial>
    <memballoon model='virtio' autodeflate='off' freePageReporting='off'><stats period='1'/></memballoon>
  </devices>
</domain>
`;
