/** Where `make build` leaves the dashboard: beside the compiled program. Run from the sources, there is none. */
import { fileURLToPath } from "node:url";

export const DASHBOARD_FOLDER = fileURLToPath(new URL("../web", import.meta.url));
