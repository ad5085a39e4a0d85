/** `headroom completion SHELL`: prints a script that completes commands, options and their values. */
import { Argument, Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../completion/scripts.js";
import { completionPlaces } from "../completion/words.js";

const EXAMPLES = `
Examples:
  headroom completion bash > ~/.local/share/bash-completion/completions/headroom
  headroom completion zsh > "\${fpath[1]}/_headroom"
  headroom completion fish > ~/.config/fish/completions/headroom.fish
`;

export function completionCommand(program: Command): Command {
  return new Command("completion")
    .description("print a script that completes this command line in your shell")
    .addArgument(new Argument("<shell>", "your shell").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, completionPlaces(program)));
    });
}
