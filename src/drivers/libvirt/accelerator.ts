/**
 * Which domain type new guests get: as the operator says, else KVM where it was seen to work, else emulation (TCG). Pure, but
 * for the probe that is handed in.
 */
import { OperationalError } from "../../ports/errors.js";
import type { Capabilities } from "./capabilities.js";
import type { KvmProbe } from "./kvm-probe.js";

export type AcceleratorChoice = "auto" | "kvm" | "tcg";

export interface AcceleratorQuestion {
  readonly choice: AcceleratorChoice;
  readonly capabilities: Capabilities;
  /** libvirt's name of its driver: `QEMU`, `Test`. */
  readonly driver: string;
  /** Null where it cannot be tried (another machine, another architecture): libvirt's word is taken. */
  readonly probe: ((emulator: string) => Promise<KvmProbe>) | null;
}

export interface Accelerator {
  readonly domainType: string;
  /** Why it is not what one would hope for; null when it is. */
  readonly remark: string | null;
}

/** Throws `unsupported-by-hypervisor` when what is set is not offered. */
export async function chooseAccelerator(question: AcceleratorQuestion): Promise<Accelerator> {
  const { choice, capabilities, driver } = question;
  const offered = capabilities.domainTypes;
  if (driver.toLowerCase() === "test") return { domainType: "test", remark: null };
  const wanted = choice === "tcg" ? "qemu" : "kvm";
  if (choice !== "auto" && !offered.has(wanted)) {
    const list = [...offered].join(", ") || "nothing";
    const message = `accelerator ${choice} is set, but libvirt offers ${list} here: set it to auto`;
    throw new OperationalError("unsupported-by-hypervisor", message, false);
  }
  if (choice !== "auto") return { domainType: wanted, remark: null };
  if (!offered.has("qemu") && !offered.has("kvm")) {
    throw new OperationalError("unsupported-by-hypervisor", "libvirt finds no QEMU on this host: install it", false);
  }
  if (!offered.has("kvm")) return { domainType: "qemu", remark: "libvirt offers no KVM: guests run on TCG" };
  if (question.probe === null || capabilities.emulator === null) return { domainType: "kvm", remark: null };
  const outcome = await question.probe(capabilities.emulator);
  if (outcome.works) return { domainType: "kvm", remark: null };
  return { domainType: "qemu", remark: `KVM does not work: ${outcome.reason}; guests run on TCG` };
}
