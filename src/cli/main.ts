/** Starts the command line; bin/headroom runs the built form of this file. */
import { run } from "./alone.js";
import { commandArguments } from "./environment.js";
import { EXIT } from "./exit.js";

// `headroom ... | head` closes our output early: that is the reader's good right, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed);
});

void run(commandArguments()).then((code) => {
  process.exitCode = code;
});
