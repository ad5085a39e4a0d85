/** What a change of a domain is to change. */
import { AFFECT } from "./procedures.js";
import type { Session } from "./session.js";
import type { DomainRef } from "./wire-types.js";

/** The running and the stored definition, where there are both. */
export async function affectAll(session: Session, domain: DomainRef): Promise<number> {
  if (domain.id < 0) return AFFECT.config;
  return (await session.isPersistent(domain)) ? AFFECT.live | AFFECT.config : AFFECT.live;
}
