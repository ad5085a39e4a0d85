// The demonstration with real guests: a libvirtd of its own, an agent over it, and a few Linux guests that boot in a second.
// Pools, pins and load are shown by headroom, and by virsh as a witness. `node --import tsx scripts/demo-kvm.ts [--keep]`:
// with --keep everything runs on until Ctrl-C. Guests run under TCG or KVM as the driver finds; what they need is fetched once.
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { AgentProcess, eventually } from "../test/lab/agent-process.js";
import { openLab } from "../test/lab/lab.js";
import type { LabHost } from "../test/lab/lab-host.js";
import { deploy } from "../test/lab/witness.js";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

const say = (text: string) => console.log(`\n${styleText("bold", text)}`);
const show = (text: string) => console.log(text.replace(/^/gm, "  "));

interface Scene {
  readonly host: LabHost;
  readonly agent: AgentProcess;
}

/** `headroom` itself, as an operator types it. */
function headroom({ agent }: Scene, ...words: readonly string[]): void {
  console.log(styleText("cyan", `  $ headroom ${words.join(" ")}`));
  const done = spawnSync(process.execPath, ["--import", "tsx", MAIN, ...words, "--url", agent.url], {
    encoding: "utf8",
  });
  show(`${done.stdout}${done.stderr}`.trimEnd());
}

async function witness({ host, agent }: Scene): Promise<void> {
  console.log(styleText("cyan", "  $ virsh vcpupin NAME"));
  for (const vm of await agent.client.vms()) {
    const found = (await host.witnessPins(vm.name)).slice(0, vm.vcpus).join(" ");
    const verdict = found === vm.pins.join(" ") ? "as planned" : `planned: ${vm.pins.join(" ")}`;
    show(`${vm.name.padEnd(10)} vCPUs on ${found.padEnd(6)} ${verdict}`);
  }
}

async function bring(scene: Scene, name: string, ratio: number): Promise<void> {
  const started = performance.now();
  const vm = await deploy(scene.agent, { name, ratio });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  show(`${name} runs: ratio ${ratio}, pinned to ${vm.pins.join(" ")}, ${seconds} s`);
}

async function play(scene: Scene): Promise<void> {
  const { host, agent } = scene;
  say("Four guests: one with pCPUs of its own (ratio 1), three that share (ratio 3)");
  await bring(scene, "gold", 1);
  for (const name of ["bronze-1", "bronze-2", "bronze-3"]) await bring(scene, name, 3);
  headroom(scene, "status");
  await witness(scene);

  say("They are put to work");
  await host.guestCommand("gold", "burn 80");
  for (const name of ["bronze-1", "bronze-2", "bronze-3"]) await host.guestCommand(name, "burn 40");
  await sleep(4000);
  headroom(scene, "vm", "list");

  say("Gold leaves; two with ratio 2 come, and the pools change");
  await agent.client.removeVm("gold");
  for (const name of ["silver-1", "silver-2"]) await bring(scene, name, 2);
  headroom(scene, "status");
  await witness(scene);

  say("Somebody changes a pin by hand");
  const [planned] = (await agent.client.vm("silver-1")).pins;
  const everywhere = `0-${cpus().length - 1}`;
  await host.virsh("vcpupin", "silver-1", "0", everywhere);
  console.log(styleText("cyan", `  $ virsh vcpupin silver-1 0 ${everywhere}`));
  show(`silver-1 is now pinned to ${(await host.witnessPins("silver-1"))[0]}`);
  await eventually("the pin is put back", async () => (await host.witnessPins("silver-1"))[0] === planned);
  show("... and the agent puts it back:");
  await witness(scene);
}

async function main(): Promise<number> {
  if (cpus().length < 2) {
    console.error("Two pools need two pCPUs; this machine has one. make demo plays on a simulated host.");
    return 1;
  }
  say("Preparing real guests (the first time a kernel of 26 MB is fetched)");
  const lab = await openLab();
  if (lab.skip !== false) {
    console.error(`${lab.skip}. make demo plays on a simulated host.`);
    return 1;
  }
  const host = await lab.startLibvirtd();
  try {
    const agent = await AgentProcess.start(host, "--accelerator", "auto");
    const scene = { host, agent };
    const [view] = await agent.client.hosts();
    const accelerator = view?.hypervisor.accelerator === "kvm" ? "KVM" : "TCG (no KVM that works here)";
    show(`a libvirtd of its own, an agent at ${agent.url}, guests under ${accelerator}`);
    await play(scene);
    if (process.argv.includes("--keep")) {
      say("Running on until Ctrl-C. To talk to it:");
      show(`headroom status --url ${agent.url}\nvirsh -c '${host.uri}' list`);
      await sleep(2 ** 31 - 1);
    }
  } finally {
    await host.stop();
  }
  say("Cleared away: guests, agent, libvirtd. With --keep they run on; make demo plays a host of 256 pCPUs.");
  return 0;
}

process.exitCode = await main();
