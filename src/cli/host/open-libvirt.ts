/** The libvirt driver with the operator's settings; loaded only when it is wanted. */
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { environment } from "../environment.js";
import type { Settings } from "../settings/agent-settings.js";

/** How new guests are made does not matter to those that make none. */
type LibvirtSettings = Pick<Settings, "hypervisor"> &
  Partial<Pick<Settings, "accelerator" | "domainTemplate" | "qemuBinary" | "machine" | "migrationUri">>;

/** Not yet connected. Throws `bad-settings` for an address that cannot be used. */
export async function openLibvirt(settings: LibvirtSettings, log: Log): Promise<Hypervisor> {
  const { libvirtHypervisor } = await import("../../drivers/libvirt/driver.js");
  const runtimeFolder = environment("XDG_RUNTIME_DIR");
  return libvirtHypervisor({
    uri: settings.hypervisor,
    log,
    accelerator: settings.accelerator ?? "auto",
    templatePath: settings.domainTemplate ?? null,
    emulator: settings.qemuBinary ?? null,
    machine: settings.machine ?? null,
    migrationUri: settings.migrationUri ?? null,
    ...(runtimeFolder === undefined ? {} : { runtimeFolder }),
  });
}
