/** The files that settings name and that hold secrets or certificates. Throws `bad-settings` naming the setting. */
import { readFileSync } from "node:fs";
import { parseTokens, type TokenTable } from "../http/auth.js";
import type { Tls } from "../http/options.js";
import { OperationalError } from "../ports/errors.js";

interface ListeningFiles {
  readonly tokensFile: string | null;
  readonly tlsCertificate: string | null;
  readonly tlsKey: string | null;
}

export function readSecretFile(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OperationalError("bad-settings", `${name}: ${(error as Error).message}`, false, { cause: error });
  }
}

export function tokensOf(settings: ListeningFiles): TokenTable | null {
  const file = settings.tokensFile;
  return file === null ? null : parseTokens(readSecretFile("HEADROOM_TOKENS_FILE", file), file);
}

export function tlsOf(settings: ListeningFiles): Tls | null {
  if (settings.tlsCertificate === null || settings.tlsKey === null) return null;
  return {
    certificate: readSecretFile("HEADROOM_TLS_CERTIFICATE", settings.tlsCertificate),
    key: readSecretFile("HEADROOM_TLS_KEY", settings.tlsKey),
  };
}

export const authorityOf = ({ clusterAuthority: file }: { readonly clusterAuthority: string | null }): string | null =>
  file === null ? null : readSecretFile("HEADROOM_CLUSTER_AUTHORITY", file);
