/**
 * Completion scripts for bash, zsh and fish, as plain text from the places of words.ts. They are static: no process is
 * started while a person types. Only words of our own command tree get in, all of them shell-safe by `assertSafe`.
 */
import { assert } from "../../core/assert.js";
import type { Place, Word } from "./words.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const SAFE_WORD = /^[A-Za-z0-9._:/-]*$/;

function safe(word: string): string {
  assert(SAFE_WORD.test(word), `completion: ${JSON.stringify(word)} would need quoting`);
  return word;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Commands that have commands of their own: their name continues the path. */
const parents = (places: readonly Place[]): string[] =>
  places.filter((place) => place.commands.length > 0 && place.path !== "").map((place) => place.path);

function bashCases(places: readonly Place[]): string[] {
  const lines: string[] = [];
  for (const place of places) {
    for (const valued of place.valued) {
      const key = quoted(`${place.path}|${safe(valued.flag)}`);
      if (valued.choices.length > 0) lines.push(`    ${key}) words=${quoted(valued.choices.map(safe).join(" "))} ;;`);
      else if (valued.path) lines.push(`    ${key}) COMPREPLY=($(compgen -f -- "$current")); return ;;`);
      else lines.push(`    ${key}) return ;;`);
    }
  }
  for (const place of places) {
    const words = [...place.commands, ...place.flags].map((word) => safe(word.text));
    lines.push(
      `    ${quoted(place.path)}'|'*) words=${quoted([...words, ...place.argumentChoices.map(safe)].join(" "))} ;;`,
    );
  }
  return lines;
}

function bash(places: readonly Place[]): string {
  const known = places.map((place) => quoted(place.path)).filter((path) => path !== "''");
  return `# headroom completion for bash: headroom completion bash > ~/.local/share/bash-completion/completions/headroom
_headroom() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" index next
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="\${path:+$path }\${COMP_WORDS[index]}"
    case "$next" in
    ${known.join("|")}) path="$next" ;;
    esac
  done
  COMPREPLY=()
  case "$path|$previous" in
${bashCases(places).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _headroom headroom
`;
}

const zshWords = (words: readonly Word[]): string =>
  words.map((word) => quoted(`${safe(word.text).replaceAll(":", "\\:")}:${word.about.replaceAll(":", " ")}`)).join(" ");

function zshCases(places: readonly Place[]): string[] {
  const lines: string[] = [];
  for (const place of places) {
    for (const valued of place.valued) {
      const key = quoted(`${place.path}|${valued.flag}`);
      if (valued.choices.length > 0)
        lines.push(`    ${key}) compadd -- ${valued.choices.map(safe).join(" ")}; return ;;`);
      else if (valued.path) lines.push(`    ${key}) _files; return ;;`);
      else lines.push(`    ${key}) _message ${quoted(valued.about)}; return ;;`);
    }
  }
  for (const place of places) {
    const choices = place.argumentChoices.map((text) => ({ text, about: "" }));
    lines.push(
      `    ${quoted(place.path)}'|'*) offered=(${zshWords([...place.commands, ...choices, ...place.flags])}) ;;`,
    );
  }
  return lines;
}

function zsh(places: readonly Place[]): string {
  const known = places.map((place) => quoted(place.path)).filter((path) => path !== "''");
  return `#compdef headroom
# headroom completion for zsh: headroom completion zsh > a folder of $fpath, as _headroom
_headroom() {
  local path_so_far="" next index
  local -a offered
  for ((index = 2; index < CURRENT; index++)); do
    next="\${path_so_far:+$path_so_far }\${words[index]}"
    case "$next" in
    ${known.join("|")}) path_so_far="$next" ;;
    esac
  done
  case "$path_so_far|\${words[CURRENT-1]}" in
${zshCases(places).join("\n")}
  esac
  _describe headroom offered
}
if [ "$funcstack[1]" = "_headroom" ]; then _headroom "$@"; else compdef _headroom headroom; fi
`;
}

/** The condition under which fish stands exactly at this place. */
function fishCondition(place: Place, places: readonly Place[]): string {
  if (place.path === "") return "__fish_use_subcommand";
  const names = place.path.split(" ").map(safe);
  const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`);
  if (!parents(places).includes(place.path)) return seen.join("; and ");
  const children = place.commands.map((word) => safe(word.text)).join(" ");
  return [...seen, `not __fish_seen_subcommand_from ${children}`].join("; and ");
}

function fish(places: readonly Place[]): string {
  const lines = [
    "# headroom completion for fish: headroom completion fish > ~/.config/fish/completions/headroom.fish",
    "complete -c headroom -f",
  ];
  for (const place of places) {
    const condition = `complete -c headroom -n ${quoted(fishCondition(place, places))}`;
    for (const word of place.commands) lines.push(`${condition} -a ${safe(word.text)} -d ${quoted(word.about)}`);
    for (const choice of place.argumentChoices) lines.push(`${condition} -a ${safe(choice)}`);
    for (const word of place.flags) {
      const valued = place.valued.find((candidate) => candidate.flag === word.text);
      const name = word.text.startsWith("--") ? `-l ${safe(word.text.slice(2))}` : `-s ${safe(word.text.slice(1))}`;
      const choices = valued && valued.choices.length > 0 ? ` -a ${quoted(valued.choices.map(safe).join(" "))}` : "";
      const value = valued ? (valued.path ? " -r -F" : ` -x${choices}`) : "";
      lines.push(`${condition} ${name}${value} -d ${quoted(word.about)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const WRITERS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };

export const completionScript = (shell: Shell, places: readonly Place[]): string => WRITERS[shell](places);
