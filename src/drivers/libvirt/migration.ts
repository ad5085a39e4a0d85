/**
 * Moving a running guest to another libvirtd: the five steps of libvirt's protocol, with this process between the two daemons
 * (not "peer to peer"). The step in which a guest could come to run twice, or nowhere, is the answer of the fourth, `finish`:
 * libvirt's own peers guess when it is lost, and let the guest go on at the source. Here it is asked: the source keeps the
 * guest paused until the destination has said whether it runs there (docs/decisions/0010-live-migration.md).
 *
 * A process that dies on the way leaves its two connections to end. The daemons then take back what was not finished; a guest
 * that is left paused at the source is settled by `settleMigration`, by the same question.
 */
import type { CpuSet } from "../../core/cpuset.js";
import { milliseconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import { repinDomainXml } from "./domain-xml.js";
import { SERVER_ERROR, UNDEFINE_EVERYTHING, XML } from "./procedures.js";
import { ServerError } from "./server-error.js";
import type { Cookie, MigrationTexts, Session } from "./session.js";
import { type DomainRef, uuidBytes, uuidText } from "./wire-types.js";

export interface MigrationJob {
  readonly name: string;
  readonly uuid: string;
  /** One CPU set for each vCPU, at the destination. */
  readonly pins: readonly CpuSet[];
  /** Where the source's QEMU sends the memory: `tcp://HOST`; null: where the destination says. */
  readonly dataUri: string | null;
  /** Ends it; the guest stays. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Starting and ending a guest on the destination may take long on a slow disk or a busy host. */
const SLOW = milliseconds(120_000);
/** The caller's signal ends a transfer; this is only the net below it. */
const LONGEST = milliseconds(24 * 3_600_000);
const NO_COOKIE: Cookie = Buffer.alloc(0);

/** Resolves when the guest runs there and the source has forgotten it. When it throws, only `settleMigration` knows. */
export async function migrateGuest(source: Session, destination: Session, job: MigrationJob): Promise<void> {
  const domain = await source.lookupByName(job.name);
  if (uuidText(domain.uuid) !== job.uuid) throw gone(job);
  const [live, stored] = await Promise.all([
    source.xml(domain, XML.migratable),
    source.xml(domain, XML.storedMigratable),
  ]);
  const texts: MigrationTexts = {
    destination_xml: repinDomainXml(live, job.pins),
    persistent_xml: repinDomainXml(stored, job.pins),
    destination_name: job.name,
    ...(job.dataUri === null ? {} : { migrate_uri: job.dataUri }),
  };
  const begun = await source.migrateBegin(domain, texts);
  const kept = () => source.migrateConfirm(domain, texts, NO_COOKIE, true);
  const prepared = await orElse(
    () => destination.migratePrepare({ ...texts, destination_xml: begun.xml }, begun.cookie, SLOW),
    kept,
    job.log,
  );
  const { destination_xml: _, ...rest } = texts;
  const where: MigrationTexts = prepared.uri === null ? rest : { ...rest, migrate_uri: prepared.uri };
  const performed = await orElse(
    () => performUntil(source, domain, where, prepared.cookie, job),
    async () => {
      // Refused as it must be: there is no guest to finish. It is told all the same, so that it need not wait for our end.
      await destination.migrateFinish(where, NO_COOKIE, true, SLOW).catch(noted(job.log));
      await kept();
    },
    job.log,
  );
  const finished = await finish(destination, where, performed, job);
  await source.migrateConfirm(domain, where, finished ?? NO_COOKIE, finished === null);
  if (finished === null) throw failed(`the guest did not start at the destination`);
}

/** `mend` when `step` fails; the step's failure is thrown. What cannot be mended, the end of the connections mends. */
async function orElse<T>(step: () => Promise<T>, mend: () => Promise<void>, log: Log): Promise<T> {
  try {
    return await step();
  } catch (error) {
    await mend().catch(noted(log));
    throw error;
  }
}

const noted =
  (log: Log) =>
  (error: unknown): void =>
    log.debug({ err: error }, "a step of ending a move was refused");

async function performUntil(
  source: Session,
  domain: DomainRef,
  texts: MigrationTexts,
  cookie: Cookie,
  { signal, log }: MigrationJob,
): Promise<Cookie> {
  // A job that has just ended cannot be aborted any more: then the transfer is done, and its answer is on its way.
  const abort = () => void source.abortJob(domain).catch(noted(log));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await source.migratePerform(domain, texts, cookie, LONGEST);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Null: the destination has no such guest. Throws where nobody can say; the guest is paused at the source then. */
async function finish(
  destination: Session,
  texts: MigrationTexts,
  cookie: Cookie,
  job: MigrationJob,
): Promise<Cookie | null> {
  try {
    return await destination.migrateFinish(texts, cookie, false, SLOW);
  } catch (error) {
    if ((await arrival(destination, job)) !== "arrived") {
      if (error instanceof ServerError) return null;
      throw error;
    }
    return NO_COOKIE;
  }
}

/** arrived: it is the destination's now. incoming: it is still being handed over. absent: it is not there. */
async function arrival(
  destination: Session,
  { name, uuid }: Pick<MigrationJob, "name" | "uuid">,
): Promise<"arrived" | "incoming" | "absent"> {
  const domain = await unlessGone(() => destination.lookupByUuid(uuidBytes(uuid)));
  if (domain === null || domain.name !== name) return "absent";
  // Until the hand-over is finished libvirt keeps the guest without a stored definition.
  return (await destination.isPersistent(domain)) ? "arrived" : "incoming";
}

const PAUSED = 3;
const SHUT_OFF = 5;
const SHUT_OFF_MIGRATED = 4;

/**
 * What became of a migration that nobody followed to its end. Leaves the guest in one place, and says where. `askThere`: a
 * session with the destination; called only where the source alone does not tell.
 */
export async function settleGuest(
  source: Session,
  askThere: <T>(question: (destination: Session) => Promise<T>) => Promise<T>,
  { name, uuid }: Pick<MigrationJob, "name" | "uuid">,
): Promise<"here" | "gone"> {
  const domain = await unlessGone(() => source.lookupByName(name));
  if (domain === null || uuidText(domain.uuid) !== uuid) return "gone";
  await source.abortJob(domain).catch((error: unknown) => {
    // There is none: what is asked for is so already.
    if (!(error instanceof ServerError)) throw error;
  });
  const { state, reason } = await source.state(domain);
  if (state === SHUT_OFF && reason === SHUT_OFF_MIGRATED) {
    await source.undefine(domain, UNDEFINE_EVERYTHING);
    return "gone";
  }
  if (state !== PAUSED) return "here";
  const there = await askThere((destination) => arrival(destination, { name, uuid }));
  if (there === "incoming") throw failed(`${name} is still being handed over`);
  if (there === "absent") {
    await source.resume(domain);
    return "here";
  }
  await source.destroy(domain, SLOW);
  await unlessGone(() => source.undefine(domain, UNDEFINE_EVERYTHING));
  return "gone";
}

/** What `action` gives; null when libvirt knows no such domain, or answers with another error of `more`. */
export async function unlessGone<T>(action: () => Promise<T>, more: readonly number[] = []): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ServerError && [SERVER_ERROR.noDomain, ...more].includes(error.code)) return null;
    throw error;
  }
}

const gone = ({ name, uuid }: MigrationJob): OperationalError =>
  new OperationalError("domain-not-found", `there is no domain ${name} with uuid ${uuid}`, false);

const failed = (message: string): OperationalError => new OperationalError("hypervisor-failed", message, true);
