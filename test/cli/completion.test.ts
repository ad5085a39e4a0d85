/** Completion scripts say what the command line takes, and the shells themselves accept them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { Argument, Command, Option } from "commander";
import { completionScript, SHELLS } from "../../src/cli/completion/scripts.js";
import { completionPlaces } from "../../src/cli/completion/words.js";
import { buildProgram } from "../../src/cli/program.js";

function sample(): Command {
  const program = new Command("headroom").option("-V, --version", "print the version");
  const vm = new Command("vm").description("virtual machines");
  vm.addCommand(new Command("create").argument("<name>").option("--image <file>", "disk image").option("--vcpus <n>"));
  vm.addCommand(new Command("list").addOption(new Option("--sort <by>", "order (name)").choices(["name", "usage"])));
  program.addCommand(vm);
  program.addCommand(new Command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh"])));
  return program;
}

const places = completionPlaces(sample());

test("every command is a place, with its commands and flags", () => {
  assert.deepEqual(
    places.map((place) => place.path),
    ["", "vm", "vm create", "vm list", "completion"],
  );
  const list = places.find((place) => place.path === "vm list");
  assert.deepEqual(
    list?.flags.map((flag) => flag.text),
    ["--sort", "--help"],
  );
  assert.deepEqual(list?.valued[0]?.choices, ["name", "usage"]);
  assert.equal(places.find((place) => place.path === "vm create")?.valued[0]?.path, true);
});

function bashAnswers(...words: readonly string[]): string[] {
  const script = `${completionScript("bash", places)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _headroom; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

const hasBash = spawnSync("bash", ["-c", "exit 0"]).status === 0;

describe("bash completes", { skip: hasBash ? false : "bash is not on this machine" }, () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["commands", ["headroom", ""], ["vm", "completion", "--version", "--help"]],
    ["the start of a command", ["headroom", "comp"], ["completion"]],
    ["commands of a command", ["headroom", "vm", ""], ["create", "list", "--help"]],
    ["flags", ["headroom", "vm", "list", "--s"], ["--sort"]],
    ["values of a flag", ["headroom", "vm", "list", "--sort", ""], ["name", "usage"]],
    ["nothing for free values", ["headroom", "vm", "create", "--vcpus", ""], []],
    ["values of an argument", ["headroom", "completion", ""], ["--help", "bash", "zsh"]],
  ];
  for (const [name, words, answers] of cases) {
    test(name, () => assert.deepEqual(bashAnswers(...words), answers));
  }
});

test("the whole program can be completed in every shell, and bash reads its script", () => {
  const whole = completionPlaces(buildProgram());
  for (const shell of SHELLS) assert.match(completionScript(shell, whole), /--hypervisor|-l hypervisor/);
  if (!hasBash) return;
  const { status, stderr } = spawnSync("bash", ["-n"], { input: completionScript("bash", whole), encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("every shell's script names every command and flag", () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, places);
    for (const place of places) {
      for (const word of [...place.commands, ...place.flags]) {
        assert.ok(script.includes(word.text.replace(/^--/, "")), `${shell}: ${word.text}`);
      }
    }
  }
});

for (const shell of ["zsh", "fish"] as const) {
  const there = spawnSync(shell, ["-c", "exit 0"]).status === 0;
  test(`${shell} accepts its script`, { skip: there ? false : `${shell} is not on this machine` }, () => {
    const args = shell === "zsh" ? ["-n", "/dev/stdin"] : ["--no-execute"];
    const { status, stderr } = spawnSync(shell, args, { input: completionScript(shell, places), encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });
}
