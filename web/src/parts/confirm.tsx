/**
 * A button that asks before it does something, in a modal dialog: what will happen, then do it or not. Shows the server's own
 * words when it is refused. The native dialog element brings focus, Escape and the screen reader's announcement.
 */
import { useRef, useState } from "preact/hooks";
import { useStore } from "../hooks.js";

interface ConfirmProps {
  readonly label: string;
  readonly question: string;
  readonly consequence: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly act: () => Promise<unknown>;
  readonly done?: () => void;
}

export function Confirm({ label, question, consequence, danger = false, disabled = false, act, done }: ConfirmProps) {
  const store = useStore();
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const close = (): void => dialog.current?.close();
  const perform = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
      close();
      store.refreshSoon();
      done?.();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const open = (): void => {
    setProblem(null);
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" class={danger ? "danger" : ""} disabled={disabled} onClick={open}>
        {label}
      </button>
      <dialog ref={dialog} aria-label={question}>
        <h2>{question}</h2>
        <p>{consequence}</p>
        {problem === null ? null : (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={close} disabled={busy}>
            Leave it
          </button>
          <button
            type="button"
            class={danger ? "danger filled" : "filled"}
            onClick={() => void perform()}
            disabled={busy}
          >
            {busy ? "Working…" : label}
          </button>
        </div>
      </dialog>
    </>
  );
}
