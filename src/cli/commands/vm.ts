/** `headroom vm`: create, list, show, resize and remove VMs through the HTTP interface of an agent or a scheduler. */

import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { plural } from "../../core/plural.js";
import { addConnectionOptions, type Given, type Output, withVms } from "../agent-connection.js";
import { UsageError } from "../exit.js";
import { parseCount, parseMemory, parseRatio, showMemory } from "../numbers.js";
import { addConstraintOptions, constraintsOf } from "../vm-constraints.js";
import { listTable, vmTable } from "../vm-tables.js";

const EXAMPLES = `
Examples:
  headroom vm create web-1 --vcpus 2 --memory 4GiB --ratio 2 --image /var/lib/libvirt/images/debian.qcow2
  headroom vm create db-1 --vcpus 4 --memory 8GiB --ratio 1 --anti-affinity db --label zone=a --url http://scheduler:8100
  headroom vm list --pool 2
  headroom vm resize web-1 --vcpus 4 --restart
  headroom vm remove web-1 --json
`;

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

export function vmCommand(output: Output = process): Command {
  const command = new Command("vm")
    .description("create, list, show, resize and remove VMs")
    .addHelpText("after", EXAMPLES);
  for (const make of [createCommand, listCommand, showCommand, resizeCommand, removeCommand])
    command.addCommand(addConnectionOptions(make(output)));
  return command;
}

function createCommand(output: Output): Command {
  const command = new Command("create")
    .description("deploy a VM, on this host or on the one that a scheduler chooses")
    .argument("<name>", "name of the VM, unique on the host, or in the cluster")
    .requiredOption("--vcpus <number>", "vCPUs")
    .requiredOption("--memory <size>", "memory, such as 4GiB or 512MiB (plain numbers are MiB)")
    .option("--ratio <ratio>", "allocation ratio: vCPUs per pCPU (needed unless the host has a per-vCPU template)")
    .option("--image <path>", "disk image (qcow2) on the host, below an image folder (absent: no disk)")
    .option("--idempotency-key <key>", "repeat the command with the same key, and the VM is made once");
  return addConstraintOptions(command).action(async (name: string, given: Given) => {
    const ratio = text(given.ratio);
    const wanted = {
      name,
      vcpus: parseCount(String(given.vcpus), "--vcpus"),
      memoryMiB: parseMemory(String(given.memory), "--memory"),
      ...(ratio === undefined ? {} : { ratio: parseRatio(ratio, "--ratio") }),
      image: text(given.image) ?? null,
      ...constraintsOf(given),
    };
    const key = text(given.idempotencyKey) ?? randomUUID();
    const vm = await withVms(given, output, (client) => client.createVm(wanted, key));
    const where = "host" in vm ? ` on ${vm.host}` : "";
    print(output, given, vm, () => `Deployed ${vm.name}${where}\n${vmTable(vm)}`);
  });
}

function listCommand(output: Output): Command {
  return new Command("list")
    .description("list VMs by name")
    .option("--pool <ratio>", "only VMs with a vCPU in the pool of this ratio")
    .option("--host <id>", "only VMs on this host")
    .action(async (given: Given) => {
      const [pool, host] = [text(given.pool), text(given.host)];
      const filter = {
        ...(pool === undefined ? {} : { pool: parseRatio(pool, "--pool") }),
        ...(host === undefined ? {} : { host }),
      };
      const vms = await withVms(given, output, (client) => client.vms(filter));
      print(output, given, vms, () => (vms.length === 0 ? "No VMs.\n" : listTable(vms)));
    });
}

function showCommand(output: Output): Command {
  return new Command("show")
    .description("show one VM: size, pins, usage")
    .argument("<name>", "name of the VM")
    .action(async (name: string, given: Given) => {
      const vm = await withVms(given, output, (client) => client.vm(name));
      print(output, given, vm, () => vmTable(vm));
    });
}

function resizeCommand(output: Output): Command {
  return new Command("resize")
    .description("give a VM other vCPUs, memory or ratio")
    .argument("<name>", "name of the VM")
    .option("--vcpus <number>", "new number of vCPUs")
    .option("--memory <size>", "new memory, such as 4GiB")
    .option("--ratio <ratio>", "new allocation ratio")
    .option("--restart", "allow a stop and start where the guest cannot take the change while it runs")
    .action(async (name: string, given: Given) => {
      const [vcpus, memory, ratio] = [text(given.vcpus), text(given.memory), text(given.ratio)];
      if (vcpus === undefined && memory === undefined && ratio === undefined)
        throw new UsageError("vm resize: say at least one of --vcpus, --memory, --ratio");
      const size = {
        ...(vcpus === undefined ? {} : { vcpus: parseCount(vcpus, "--vcpus") }),
        ...(memory === undefined ? {} : { memoryMiB: parseMemory(memory, "--memory") }),
        ...(ratio === undefined ? {} : { ratio: parseRatio(ratio, "--ratio") }),
        ...(given.restart === true ? { restart: true } : {}),
      };
      const vm = await withVms(given, output, (client) => client.resizeVm(name, size, randomUUID()));
      print(output, given, vm, () => `Resized ${vm.name}\n${vmTable(vm)}`);
    });
}

function removeCommand(output: Output): Command {
  return new Command("remove")
    .description("stop a VM and forget it")
    .argument("<name>", "name of the VM")
    .action(async (name: string, given: Given) => {
      const vm = await withVms(given, output, (client) => client.removeVm(name));
      print(
        output,
        given,
        vm,
        () => `Removed ${vm.name}: ${plural(vm.vcpus, "vCPU")} and ${showMemory(vm.memoryMiB)} are free again.\n`,
      );
    });
}

function print(output: Output, given: Given, value: unknown, people: () => string): void {
  output.stdout.write(given.json === true ? `${JSON.stringify(value, null, 2)}\n` : people());
}
