/** Opens an address in the browser of whoever sits at this machine; says whether there is one to try. What becomes of it is the desktop's. */
import { spawn } from "node:child_process";
import { environment } from "./environment.js";

/** The desktop's own command; null: nobody sees a window here. */
function desktopCommand(): string | null {
  if (process.platform === "darwin") return environment("SSH_CONNECTION") === undefined ? "open" : null;
  const hasScreen = environment("DISPLAY") !== undefined || environment("WAYLAND_DISPLAY") !== undefined;
  return hasScreen ? "xdg-open" : null;
}

/** Resolves once the command has started, or could not. */
export function openBrowser(url: string): Promise<boolean> {
  const command = desktopCommand();
  if (command === null) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(command, [url], { stdio: "ignore", detached: true });
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
    child.once("error", () => resolve(false));
  });
}
