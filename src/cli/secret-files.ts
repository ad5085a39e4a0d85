/** The files that settings name and that hold secrets or certificates. Throws `bad-settings` naming the setting. */
import { createPrivateKey, X509Certificate } from "node:crypto";
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
  const certificate = readSecretFile("HEADROOM_TLS_CERTIFICATE", settings.tlsCertificate);
  const key = readSecretFile("HEADROOM_TLS_KEY", settings.tlsKey);
  const shown = understood("HEADROOM_TLS_CERTIFICATE", settings.tlsCertificate, "a certificate", () => {
    return new X509Certificate(certificate);
  });
  const kept = understood("HEADROOM_TLS_KEY", settings.tlsKey, "a private key without a passphrase", () => {
    return createPrivateKey(key);
  });
  if (!shown.checkPrivateKey(kept))
    throw new OperationalError(
      "bad-settings",
      `HEADROOM_TLS_KEY: ${settings.tlsKey} is not the key of the certificate in ${settings.tlsCertificate}`,
      false,
    );
  return { certificate, key };
}

/** What OpenSSL makes of a file names neither the file nor the setting. */
function understood<T>(name: string, path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const message = `${name}: ${path} must hold ${what} in PEM: ${(cause as Error).message}`;
    throw new OperationalError("bad-settings", message, false, { cause });
  }
}

export const authorityOf = ({ clusterAuthority: file }: { readonly clusterAuthority: string | null }): string | null =>
  file === null ? null : readSecretFile("HEADROOM_CLUSTER_AUTHORITY", file);
