/** Starts the command line; bin/headroom runs the built form of this file. */
import { commandArguments } from "./environment.js";
import { EXIT } from "./exit.js";

// `headroom ... | head` closes our output early: that is the reader's good right, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed);
});

const argv = commandArguments();
// Loading every command takes longer than an estimate of a short trace: that command starts alone.
const { run } = argv[0] === "estimate" ? await import("./estimate-alone.js") : await import("./program.js");
process.exitCode = await run(argv);
