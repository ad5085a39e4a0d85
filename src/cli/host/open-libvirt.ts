/** The libvirt driver for the operator's settings. */
import { OperationalError } from "../../ports/errors.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import type { Settings } from "../settings/agent-settings.js";

export async function openLibvirt(settings: Settings, _log: Log): Promise<Hypervisor> {
  throw new OperationalError("unsupported-by-hypervisor", `no driver for ${settings.hypervisor}`, false);
}
