/** A process to be killed: writes ever new texts of one megabyte to the path given, and says the number of each one that is safe. */
import { durableText } from "../../src/drivers/linux/durable-text.js";

const state = durableText(process.argv[2]!);
for (let number = 1; ; number++) {
  await state.write(`${number}\n${String.fromCharCode(97 + (number % 26)).repeat(1_000_000)}`);
  process.stdout.write(`${number}\n`);
}
