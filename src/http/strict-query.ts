/**
 * Query strings without leniency: a name given twice, a broken percent escape, a bare name or a control character is an
 * error naming the field, where common parsers guess. `+` is a space, as in HTML forms.
 */
import type { FieldError } from "./problem.js";

export type Query = Readonly<Record<string, string>>;

export const EMPTY_QUERY: Query = Object.freeze(Object.create(null));

/** No call has more than six parameters. */
const MAX_PARAMETERS = 32;
const CONTROL = /\p{Cc}/u;

/** `text` is what follows the question mark. */
export function parseQuery(text: string): { readonly query: Query; readonly errors: readonly FieldError[] } {
  if (text === "") return { query: EMPTY_QUERY, errors: [] };
  const query: Record<string, string> = Object.create(null);
  const errors: FieldError[] = [];
  const parts = text.split("&");
  if (parts.length > MAX_PARAMETERS)
    return { query, errors: [fault("?", "not-allowed", `${parts.length} parameters`, `at most ${MAX_PARAMETERS}`)] };
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decode(part.slice(equals + 1));
    if (name === null || name === "" || CONTROL.test(name))
      errors.push(fault(part.slice(0, 40), "unknown", "is not a readable parameter name", "name=value pairs in UTF-8"));
    else if (value === null || CONTROL.test(value))
      errors.push(fault(name, "not-allowed", "has a broken percent escape or a control character", "text in UTF-8"));
    else if (Object.hasOwn(query, name)) errors.push(fault(name, "doubled", "is given twice", "one value"));
    else query[name] = value;
  }
  return { query, errors };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.includes("+") ? text.replaceAll("+", " ") : text);
  } catch {
    return null;
  }
}

const fault = (field: string, kind: FieldError["fault"], message: string, allowed: string): FieldError => ({
  in: "query",
  field,
  fault: kind,
  message: `${message}; allowed: ${allowed}`,
  allowed,
});
