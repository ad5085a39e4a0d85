/**
 * Tokens of OpenStack: one that is given (Placement without Keystone), or those of Keystone's v3 API, by password or application
 * credential, renewed before they end. Keystone also tells where Placement is.
 */
import type { Clock } from "../../../ports/clock.js";
import { OperationalError } from "../../../ports/errors.js";
import { callSink, refused, type SinkServer } from "../http-call.js";

export interface KeystoneSettings {
  /** `/v3` may stand at its end. */
  readonly url: string;
  readonly credentials:
    | {
        readonly kind: "password";
        readonly user: string;
        readonly password: string;
        readonly userDomain: string;
        readonly project: string;
        readonly projectDomain: string;
      }
    | { readonly kind: "application"; readonly id: string; readonly secret: string };
  /** Null: any. */
  readonly region: string | null;
  readonly interface: string;
}

export interface Access {
  readonly token: string;
  /** Address of Placement, without a slash at its end; null: Keystone does not know it. */
  readonly placementUrl: string | null;
}

export interface TokenSource {
  access(signal: AbortSignal): Promise<Access>;
  /** The token was turned away: the next one is fetched anew. */
  reject(): void;
}

export const fixedToken = (token: string): TokenSource => ({
  access: async () => ({ token, placementUrl: null }),
  reject: () => undefined,
});

/** A token is not used in its last minute. */
const SPARE_MS = 60_000;

interface TokenBody {
  readonly token?: {
    readonly expires_at?: string;
    readonly catalog?: readonly {
      readonly type?: string;
      readonly endpoints?: readonly { readonly interface?: string; readonly region?: string; readonly url?: string }[];
    }[];
  };
}

function identityOf({ credentials }: KeystoneSettings): object {
  if (credentials.kind === "application") {
    const { id, secret } = credentials;
    return { auth: { identity: { methods: ["application_credential"], application_credential: { id, secret } } } };
  }
  const { user: name, password, userDomain, project, projectDomain } = credentials;
  const user = { name, password, domain: { name: userDomain } };
  return {
    auth: {
      identity: { methods: ["password"], password: { user } },
      scope: { project: { name: project, domain: { name: projectDomain } } },
    },
  };
}

function placementIn({ token }: TokenBody, settings: KeystoneSettings): string | null {
  const service = token?.catalog?.find(({ type }) => type === "placement");
  const endpoint = service?.endpoints?.find(
    (one) => one.interface === settings.interface && (settings.region === null || one.region === settings.region),
  );
  return endpoint?.url?.replace(/\/+$/, "") ?? null;
}

export function keystoneTokens(settings: KeystoneSettings, server: SinkServer, clock: Clock): TokenSource {
  const url = `${settings.url.replace(/\/+$/, "").replace(/\/v3$/, "")}/v3/auth/tokens`;
  const body = JSON.stringify(identityOf(settings));
  let held: { readonly access: Access; readonly until: number } | null = null;
  return {
    async access(signal) {
      if (held !== null && clock.now() < held.until) return held.access;
      const answer = await callSink(server, { method: "POST", url, body, signal });
      const token = answer.headers["x-subject-token"];
      if (answer.status !== 201 || typeof token !== "string") throw refused(server, "the credentials", answer);
      const told = tokenBody(server, answer.text);
      const ends = Date.parse(told.token?.expires_at ?? "");
      // One that does not say when it ends is fetched anew each time.
      const until = Number.isNaN(ends) ? 0 : ends - SPARE_MS;
      held = { access: { token, placementUrl: placementIn(told, settings) }, until };
      return held.access;
    },
    reject: () => {
      held = null;
    },
  };
}

function tokenBody({ name }: SinkServer, text: string): TokenBody {
  try {
    return JSON.parse(text) as TokenBody;
  } catch (cause) {
    throw new OperationalError("sink-failed", `${name} answers, but not as Keystone does`, false, { cause });
  }
}
