/** OpenStack's Placement and Keystone as Debian has them, each on SQLite in a folder of its own. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isInstalled, type RealServer, startServer } from "../support/servers.js";

export const skipWithoutPlacement = isInstalled("placement-api")
  ? false
  : "placement-api is not installed (placement-api)";
/** Not among the packages that tests install: it brings sixty others, which take half a minute. */
export const skipWithoutKeystone = isInstalled("keystone-wsgi-public")
  ? skipWithoutPlacement
  : "keystone-wsgi-public is not installed (python3-keystone)";

export const ADMIN = {
  user: "admin",
  password: "a secret",
  project: "service",
  domain: "Default",
  region: "RegionOne",
};

const authTokens = (keystoneUrl: string): string => `[keystone_authtoken]
auth_url = ${keystoneUrl}/v3
www_authenticate_uri = ${keystoneUrl}/v3
auth_type = password
username = ${ADMIN.user}
password = ${ADMIN.password}
project_name = ${ADMIN.project}
user_domain_name = ${ADMIN.domain}
project_domain_name = ${ADMIN.domain}
token_cache_time = -1
`;

/** `keystoneUrl`: whose tokens it takes; null: any word is one. */
export const startPlacement = (keystoneUrl: string | null = null): Promise<RealServer> =>
  startServer({
    program: "placement-api",
    ready: "/",
    environment: (folder) => ({ OS_PLACEMENT_CONFIG_DIR: folder }),
    async arguments([port], folder) {
      const database = `connection = sqlite:///${join(folder, "placement.db")}\nsync_on_startup = true\n`;
      const strategy = keystoneUrl === null ? "noauth2" : "keystone";
      const tokens = keystoneUrl === null ? "" : authTokens(keystoneUrl);
      const config = `[api]\nauth_strategy = ${strategy}\n[placement_database]\n${database}${tokens}`;
      await writeFile(join(folder, "placement.conf"), config);
      return ["--host", "127.0.0.1", "--port", String(port)];
    },
  });

/**
 * What `keystone-manage db_sync` and `bootstrap` do, and then the server, in one process: each of them alone takes longer to load than to work.
 */
const KEYSTONE = `
import sys
config, database, port, password, user, project, region = sys.argv[1:8]
sys.argv = ["keystone"]
import sqlite3
# Else a connection of its pool that has read keeps the others from writing.
sqlite3.connect(database).execute("PRAGMA journal_mode = WAL")
from wsgiref.simple_server import WSGIRequestHandler, make_server
from keystone.cmd import bootstrap
from keystone.common.sql import upgrades
from keystone.server.flask.core import initialize_application

class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass

public = initialize_application("public", upgrades.offline_sync_database_to_version, [config])
bootstrap.backends.load_backends = dict  # They are loaded.
first = bootstrap.Bootstrapper()
first.admin_username, first.admin_password, first.admin_role_name = user, password, "admin"
first.project_name, first.region_id, first.service_name = project, region, "keystone"
first.public_url = first.internal_url = first.admin_url = "http://127.0.0.1:%s/v3" % port
first.service_id, first.endpoints, first.immutable_roles = None, {}, True
first.bootstrap()
make_server("127.0.0.1", int(port), public, handler_class=Quiet).serve_forever()
`;

async function keyFolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { mode: 0o700 });
  for (const key of ["0", "1"])
    await writeFile(join(path, key), `${randomBytes(32).toString("base64url")}=`, { mode: 0o600 });
  return path;
}

export const startKeystone = (): Promise<RealServer> =>
  startServer({
    program: "sh",
    ready: "/v3",
    async arguments([port], folder) {
      const config = join(folder, "keystone.conf");
      const database = join(folder, "keystone.db");
      const tokens = await keyFolder(folder, "tokens");
      const credentials = await keyFolder(folder, "credentials");
      await writeFile(
        config,
        `[database]\nconnection = sqlite:///${database}\n[fernet_tokens]\nkey_repository = ${tokens}
[credential]\nkey_repository = ${credentials}\n[identity]\npassword_hash_rounds = 4\n`,
      );
      const words = [config, database, String(port), ADMIN.password, ADMIN.user, ADMIN.project, ADMIN.region];
      // Debian's own Python, which has Debian's packages.
      return ["-c", 'exec /usr/bin/python3 -c "$@"', "sh", KEYSTONE, ...words];
    },
  });
