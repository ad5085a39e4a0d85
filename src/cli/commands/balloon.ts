/** `headroom balloon`: the memory coordinator, alone beside the guests of a host (spec 4.2). */
import type { Command } from "commander";
import { type BalloonReport, MemoryCoordinator } from "../../agent/balloon/coordinator.js";
import { PageMerging } from "../../agent/balloon/page-merging.js";
import { milliseconds } from "../../core/units.js";
import { pageMergingSwitch } from "../../drivers/linux/page-merging.js";
import type { Log } from "../../ports/log.js";
import { balloonFromStore } from "../controller/balloon/from-store.js";
import { balloonMetrics } from "../controller/balloon/metrics.js";
import { balloonSettings } from "../controller/balloon/settings.js";
import { balloonView } from "../controller/balloon/view.js";
import {
  type ControllerOptions,
  controllerAction,
  controllerCommand,
  type MakeController,
  parseInterval,
  usageOf,
} from "../controller/command.js";
import type { ControlledHost } from "../controller/host.js";
import { UsageError } from "../exit.js";
import { agentLog } from "../host/agent-log.js";
import { hypervisorKind } from "../host/hypervisor-kind.js";
import type { SettingKey } from "../settings/agent-settings.js";
import { BALLOON, STORE_BALLOON } from "../settings/memory-settings.js";
import { addSettingsOptions } from "../settings-options.js";

const EXAMPLES = `
Every guest keeps a floor of unused memory; what it does not need goes back to the host, and to the guests that do.
Statistics are switched on by themselves. What is not reported, or not reported any more, is left alone.

Examples:
  headroom balloon 12                                  the guests of qemu:///system
  headroom balloon 12 --dry-run --once --json          what would be done now
  headroom balloon 5 --balloon-limit-mib 32768         32 GiB for all guests together
  headroom balloon 12 --connect qemu+ssh://root@kvm7/system
  headroom balloon --from-store --balloon-nodes http://kvm7:9100=qemu+ssh://root@kvm7/system
`;

const KEYS = Object.keys({ ...BALLOON, ...STORE_BALLOON }) as readonly SettingKey[];

const make: MakeController<object, BalloonReport> = (host, { dryRun }, interval) => {
  const log = agentLog("warn", "text", process.stderr);
  const coordinator = new MemoryCoordinator({
    hypervisor: host.hypervisor,
    probe: host.probe,
    clock: host.clock,
    log,
    settings: balloonSettings(host.settings, milliseconds(interval * 1000)),
    dryRun: dryRun === true,
    pageMerging: pageMergingOf(host, log),
  });
  return { controller: coordinator, view: balloonView, metrics: () => balloonMetrics(coordinator) };
};

/** Only of this machine's own kernel, and where it was asked for. */
function pageMergingOf({ settings }: ControlledHost, log: Log): PageMerging | null {
  if (!settings.pageMerging || hypervisorKind(settings.hypervisor) !== "local") return null;
  return new PageMerging(pageMergingSwitch(), settings.pageMergingBelowPercent / 100, log);
}

interface Options extends ControllerOptions {
  readonly fromStore?: boolean;
}

export function balloonCommand(): Command {
  const alone = controllerAction(make);
  const command = controllerCommand(
    "balloon",
    "move memory between the guests of a host, as they need it",
    "[interval]",
  ).option("--from-store", "squeeze the VMs of several hosts instead, by what the sample store knows of them");
  return addSettingsOptions(command, KEYS)
    .addHelpText("after", EXAMPLES)
    .action(async (text: string | undefined, options: Options, self: Command) => {
      const usage = usageOf(self);
      if (options.fromStore === true) {
        const interval = text === undefined ? null : parseInterval(text, usage);
        await balloonFromStore(interval, options, self.opts(), process);
        return;
      }
      if (text === undefined)
        throw new UsageError(`the interval is missing: a number of seconds, such as 12\nusage: ${usage}`);
      await alone(text, options, self);
    });
}
