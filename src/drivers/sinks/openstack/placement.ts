/**
 * What is asked of OpenStack Placement: a resource provider by its name, its inventories, what is allocated of them, and to replace the
 * inventories as of a generation. A generation moves with every allocation, so that a replacement that is taken rests on usages
 * that still hold.
 */
import { OperationalError } from "../../../ports/errors.js";
import { callSink, refused, type SinkAnswer, type SinkServer } from "../http-call.js";
import type { TokenSource } from "./keystone.js";

/** All fields of an inventory: those that are left out of a replacement fall back on Placement's defaults. */
export interface StoredInventory {
  readonly total: number;
  readonly reserved: number;
  readonly min_unit: number;
  readonly max_unit: number;
  readonly step_size: number;
  readonly allocation_ratio: number;
}

export interface Inventories {
  readonly generation: number;
  readonly byClass: Readonly<Record<string, StoredInventory>>;
}

export interface Provider {
  readonly inventories: Inventories;
  /** By class. */
  readonly used: Readonly<Record<string, number>>;
}

/** From 1.23 on errors carry codes, which tell a stale generation from other conflicts. */
const VERSION = "placement 1.26";
const STALE = "placement.concurrent_update";
/** Inventories and usages are read one after the other: both must be of one generation. */
const MOST_READS = 10;

export class PlacementApi {
  constructor(
    private readonly server: SinkServer,
    private readonly tokens: TokenSource,
    /** Null: as Keystone says. */
    private readonly url: string | null,
  ) {}

  /** The uuid; null: there is no such provider. */
  async find(name: string, signal: AbortSignal): Promise<string | null> {
    const path = `/resource_providers?name=${encodeURIComponent(name)}`;
    const { resource_providers: found } = await this.#read<{
      readonly resource_providers: readonly { readonly uuid: string }[];
    }>(path, `the list of providers named ${name}`, signal);
    return found[0]?.uuid ?? null;
  }

  /** Inventories and what is allocated of them, as of one moment. */
  async provider(uuid: string, signal: AbortSignal): Promise<Provider> {
    for (let i = 0; i < MOST_READS; i++) {
      const path = `/resource_providers/${uuid}`;
      const own = await this.#read<{
        readonly resource_provider_generation: number;
        readonly inventories: Readonly<Record<string, StoredInventory>>;
      }>(`${path}/inventories`, "inventories", signal);
      const { resource_provider_generation: after, usages: used } = await this.#read<{
        readonly resource_provider_generation: number;
        readonly usages: Readonly<Record<string, number>>;
      }>(`${path}/usages`, "usages", signal);
      const generation = own.resource_provider_generation;
      if (after === generation) return { inventories: { generation, byClass: own.inventories }, used };
    }
    throw new OperationalError("sink-unreachable", `${this.server.name}: provider ${uuid} changes all the time`, true);
  }

  /** False: the generation is stale, and nothing was changed. */
  async replace(uuid: string, { generation, byClass }: Inventories, signal: AbortSignal): Promise<boolean> {
    const body = JSON.stringify({ resource_provider_generation: generation, inventories: byClass });
    const answer = await this.#call("PUT", `/resource_providers/${uuid}/inventories`, body, signal);
    if (answer.status === 200) return true;
    if (answer.status === 409 && answer.text.includes(STALE)) return false;
    throw refused(this.server, "inventories", answer);
  }

  async #read<T>(path: string, what: string, signal: AbortSignal): Promise<T> {
    const answer = await this.#call("GET", path, undefined, signal);
    if (answer.status !== 200) throw refused(this.server, what, answer);
    try {
      return JSON.parse(answer.text) as T;
    } catch (cause) {
      const message = `${this.server.name} answers, but not as it should: is it the right address?`;
      throw new OperationalError("sink-failed", message, false, { cause });
    }
  }

  async #call(method: "GET" | "PUT", path: string, body: string | undefined, signal: AbortSignal): Promise<SinkAnswer> {
    const first = await this.#attempt(method, path, body, signal);
    if (first.status !== 401) return first;
    // A token may be revoked before it ends.
    this.tokens.reject();
    return this.#attempt(method, path, body, signal);
  }

  async #attempt(method: "GET" | "PUT", path: string, body: string | undefined, signal: AbortSignal) {
    const { token, placementUrl } = await this.tokens.access(signal);
    const base = this.url ?? placementUrl;
    if (base === null)
      throw new OperationalError("sink-failed", "Keystone's catalogue has no placement in this region", false);
    const headers = { "x-auth-token": token, "openstack-api-version": VERSION };
    return callSink(this.server, {
      method,
      url: `${base}${path}`,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
  }
}
