/** What a question to the server came to, while it is not simply answered. */
import type { Loaded } from "../hooks.js";

export function Trouble<T>({ loaded }: { readonly loaded: Loaded<T> }) {
  if (loaded.kind === "loading") return <p class="quiet">Asking…</p>;
  if (loaded.kind === "there") return null;
  return (
    <p class="problem" role="alert">
      {loaded.error.message}
      {loaded.last === null ? "" : "; what is shown is from before"}
    </p>
  );
}
