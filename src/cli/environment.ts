/**
 * The only reader of the command line's arguments and of the environment: everything else gets values. Loads nothing else, so
 * that commands whose start counts can do without the settings and their schemas.
 */

/** What stands after `node main.js`. */
export const commandArguments = (): readonly string[] => process.argv.slice(2);

/** Empty counts as not set. For wishes about the terminal and the like; settings go through `loadSettings`. */
export function environment(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

/** All of it, for the settings. */
export const wholeEnvironment = (): Readonly<Record<string, string | undefined>> => process.env;
