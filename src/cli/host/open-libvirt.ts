/** The libvirt driver with the operator's settings; loaded only when it is wanted. */
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { environment } from "../config.js";
import type { Settings } from "../settings/agent-settings.js";

/** Not yet connected. Throws `bad-settings` for an address that cannot be used. */
export async function openLibvirt(settings: Settings, log: Log): Promise<Hypervisor> {
  const { libvirtHypervisor } = await import("../../drivers/libvirt/driver.js");
  const runtimeFolder = environment("XDG_RUNTIME_DIR");
  return libvirtHypervisor({
    uri: settings.hypervisor,
    log,
    accelerator: settings.accelerator,
    templatePath: settings.domainTemplate,
    emulator: settings.qemuBinary,
    machine: settings.machine,
    ...(runtimeFolder === undefined ? {} : { runtimeFolder }),
  });
}
