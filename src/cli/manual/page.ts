/**
 * The manual page, in roff's man macros, read off commander's tree: as completion, it cannot disagree with what is parsed. Every
 * command has a part of its own with its options and what its help ends with.
 */
import type { Command, Option } from "commander";

/** Text that roff shall show as it stands. A minus is written so that it can be copied. */
const plain = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");

const quoted = (text: string): string => `"${plain(text).replaceAll('"', "\\(dq")}"`;
const tagged = (tag: string, text: string): string => `.TP\n\\fB${plain(tag)}\\fR\n${plain(text)}`;

const optionPart = (option: Option): string => {
  const choices = option.argChoices === undefined ? "" : ` One of ${option.argChoices.join(", ")}.`;
  return tagged(option.flags, `${option.description}${choices}`);
};

/** What a command's help says after its options: examples, mostly. */
function helpAfter(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}

function commandPart(command: Command, path: string): string {
  const help = command.createHelp();
  const after = helpAfter(command);
  const options = help.visibleOptions(command).filter((option) => option.long !== "--help");
  const parts = [
    `.SS ${quoted(`${path} ${command.usage()}`)}`,
    plain(`${command.description()}.`),
    ...options.map(optionPart),
    ...(after === "" ? [] : [".PP", ".nf", plain(after), ".fi"]),
    ...command.commands.map((child) => commandPart(child, `${path} ${child.name()}`)),
  ];
  return parts.join("\n");
}

/** `date`: of the release, `2026-11-28`. */
export function manualPage(program: Command, date: string): string {
  const commands = program.commands.filter((command) => command.name() !== "help");
  const lines = [
    `.TH HEADROOM 1 ${quoted(date)} ${quoted(`headroom ${program.version() ?? ""}`)} "Headroom"`,
    ".SH NAME",
    `headroom \\- ${plain("place virtual machines on oversubscribed KVM hosts, and keep their quality")}`,
    ".SH SYNOPSIS",
    ".B headroom",
    plain("COMMAND [ARGUMENTS] [OPTIONS]"),
    ".SH DESCRIPTION",
    plain(program.description()),
    ".PP",
    plain("headroom COMMAND --help prints what is here of one command."),
    ".SH COMMANDS",
    ...commands.map((command) => tagged(command.name(), command.description())),
    ".SH ARGUMENTS OF EACH COMMAND",
    ...commands.map((command) => commandPart(command, `headroom ${command.name()}`)),
    ".SH EXIT STATUS",
    tagged("0", "done"),
    tagged("1", "refused or failed"),
    tagged("2", "wrong usage or settings"),
    tagged("3", "agent, scheduler or hypervisor not reachable"),
    ".SH FILES",
    tagged("/etc/headroom/config.json", "settings as a JSON object"),
    tagged(".env", "settings as NAME=value lines, in the working folder"),
  ];
  return `${lines.join("\n")}\n`;
}
