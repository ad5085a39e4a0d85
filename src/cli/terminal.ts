/**
 * Colour and width of the terminal, decided once per command from the stream and the environment's wishes: colour only
 * on a terminal, never with NO_COLOR (no-color.org), always with FORCE_COLOR. Leaves out cursor movement (see screen.ts).
 */
import { styleText } from "node:util";
import { environment } from "./environment.js";

export type Style = Parameters<typeof styleText>[0];
/** Wraps text in a style, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string;

export const plainPaint: Paint = (_style, text) => text;

/** Node 20's `styleText` colours always; from 22 on it asks stdout itself, which is not always the stream in question. */
const colourPaint: Paint = (style, text) => {
  const codes = styleText(style, "\0");
  return codes === "\0" ? text : codes.replace("\0", text);
};

export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  if (environment("NO_COLOR")) return false;
  const forced = environment("FORCE_COLOR");
  if (forced !== undefined) return forced !== "0";
  return stream.isTTY === true && environment("TERM") !== "dumb";
}

export const paintFor = (stream: { readonly isTTY?: boolean }): Paint =>
  wantsColour(stream) ? colourPaint : plainPaint;
