/**
 * Where the collector learns its endpoints from: a list that does not change, files that are looked at again, a scheduler's hosts. A
 * source that cannot be asked, or says what makes no sense, keeps what it said last: nobody is forgotten for a typing error.
 */
import { type Endpoint, type EndpointList, readTargetGroups } from "../../core/telemetry/endpoints.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";

export interface EndpointSource {
  /** Never throws but for a bug. */
  endpoints(): Promise<readonly Endpoint[]>;
}

export const fixedEndpoints = (endpoints: readonly Endpoint[]): EndpointSource => ({
  endpoints: async () => endpoints,
});

export interface TargetFile {
  readonly path: string;
  readonly text: string;
}

/** `parse` reads JSON and YAML alike; it throws for what is neither. `read` gives all files there are; it throws `bad-input-file`. */
export class FileEndpoints implements EndpointSource {
  readonly #known = new Map<string, { text: string; endpoints: readonly Endpoint[] }>();
  #problem: string | null = null;

  constructor(
    private readonly read: () => Promise<readonly TargetFile[]>,
    private readonly parse: (text: string) => unknown,
    private readonly log: Log,
  ) {}

  async endpoints(): Promise<readonly Endpoint[]> {
    try {
      const files = await this.read();
      const present = new Set(files.map(({ path }) => path));
      for (const path of this.#known.keys()) if (!present.has(path)) this.#known.delete(path);
      for (const file of files) this.#update(file);
      this.#problem = null;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#problem !== error.message)
        this.log.warn({ err: error }, "files of endpoints cannot be read: the last ones stay");
      this.#problem = error.message;
    }
    return [...this.#known.values()].flatMap(({ endpoints }) => endpoints);
  }

  #update({ path, text }: TargetFile): void {
    const known = this.#known.get(path);
    if (known?.text === text) return;
    const list = this.#listOf(text);
    if (list.ok) this.log.info({ file: path, endpoints: list.endpoints.length }, "endpoints of a file");
    else this.log.warn({ file: path, reason: list.problem }, "a file of endpoints is not used: its last ones stay");
    this.#known.set(path, { text, endpoints: list.ok ? list.endpoints : (known?.endpoints ?? []) });
  }

  #listOf(text: string): EndpointList {
    try {
      return readTargetGroups(this.parse(text));
    } catch (error) {
      return { ok: false, problem: `neither JSON nor YAML: ${(error as Error).message.split("\n")[0]}` };
    }
  }
}

export interface InventoryHost {
  readonly id: string;
  readonly url: string;
}

/** Agents of a scheduler's inventory; each shows a probe's metrics in its own. */
export class InventoryEndpoints implements EndpointSource {
  #last: readonly Endpoint[] = [];
  #problem: string | null = null;

  constructor(
    private readonly hosts: () => Promise<readonly InventoryHost[]>,
    private readonly log: Log,
  ) {}

  async endpoints(): Promise<readonly Endpoint[]> {
    try {
      const hosts = await this.hosts();
      this.#last = hosts.map(({ id, url }) => ({ url: `${url.replace(/\/+$/, "")}/metrics`, host: id, prefix: null }));
      if (this.#problem !== null) this.log.info({}, "the scheduler answers again");
      this.#problem = null;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (this.#problem !== error.message)
        this.log.warn({ err: error }, "the scheduler's hosts are not known: the last ones stay");
      this.#problem = error.message;
    }
    return this.#last;
  }
}
