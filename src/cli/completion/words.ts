/**
 * What a shell may offer at each place of the command line: read off commander's tree, so that completion cannot disagree
 * with what is parsed.
 */
import type { Command, Option } from "commander";

export interface Word {
  readonly text: string;
  readonly about: string;
}

export interface ValuedFlag {
  readonly flag: string;
  readonly about: string;
  /** What the value may be; empty when it is free text. */
  readonly choices: readonly string[];
  /** The value is a file or a folder. */
  readonly path: boolean;
}

export interface Place {
  /** `vm create`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly flags: readonly Word[];
  /** Flags that take a value; each is in `flags` too. */
  readonly valued: readonly ValuedFlag[];
  /** Values of the first argument, where they are a closed list. */
  readonly argumentChoices: readonly string[];
}

/** Metavariables that stand for a path: `<file>`, `<folder>`, `<path>`. */
const PATH_VALUE = /[<[](file|folder|path)[>\]]/;

const firstSentence = (text: string): string => (text.split(/ \(|\. |; /)[0] ?? "").replace(/\.$/, "");

const takesValue = (option: Option): boolean => option.required || option.optional;

function placeOf(command: Command, path: string): Place {
  const options = command.createHelp().visibleOptions(command);
  const flags = options.map((option) => ({
    text: option.long ?? option.short ?? "",
    about: firstSentence(option.description),
  }));
  const valued = options.filter(takesValue).map((option) => ({
    flag: option.long ?? option.short ?? "",
    about: firstSentence(option.description),
    choices: option.argChoices ?? [],
    path: PATH_VALUE.test(option.flags),
  }));
  const commands = command.commands.map((child) => ({ text: child.name(), about: firstSentence(child.description()) }));
  return { path, commands, flags, valued, argumentChoices: command.registeredArguments[0]?.argChoices ?? [] };
}

/** Every place, the program itself first. */
export function completionPlaces(program: Command): readonly Place[] {
  const places: Place[] = [];
  const visit = (command: Command, path: string): void => {
    places.push(placeOf(command, path));
    for (const child of command.commands) visit(child, path === "" ? child.name() : `${path} ${child.name()}`);
  };
  visit(program, "");
  return places;
}
