/**
 * Blanks comments, and on request the contents of literals, out of TypeScript, keeping every line where it is. A small
 * scanner, not a parser: it knows comments, quotes, templates with nested `${}`, and tells a regular expression from a
 * division by the token before it.
 */

/** After these a `/` starts a regular expression; after a name, a number, `)` or `]` it divides. */
const BEFORE_EXPRESSION =
  /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await))\s*$/;

const keepLines = (text: string): string => text.replace(/[^\n]/g, " ");

function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote || text[i] === "\n") return i + 1;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "\n" || (char === "/" && !inClass)) return i + 1;
  }
  return text.length;
}

/** End of a template's text piece: behind its closing backtick, or behind the `${` that opens code. */
function endOfTemplatePiece(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "`") return i + 1;
    else if (text[i] === "$" && text[i + 1] === "{") return i + 2;
  }
  return text.length;
}

export function blankComments(source: string, alsoLiterals = false): string {
  let out = "";
  /** Depth of braces inside each open `${`. */
  const templates: number[] = [];
  const literal = (end: number): void => {
    const piece = source.slice(out.length, end);
    out += alsoLiterals ? keepLines(piece) : piece;
  };
  while (out.length < source.length) {
    const at = out.length;
    const char = source[at]!;
    if (source.startsWith("//", at)) {
      const end = source.indexOf("\n", at);
      out += keepLines(source.slice(at, end === -1 ? source.length : end));
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      out += keepLines(source.slice(at, end === -1 ? source.length : end + 2));
    } else if (char === '"' || char === "'") {
      literal(endOfQuoted(source, at));
    } else if (char === "/" && BEFORE_EXPRESSION.test(out.slice(-80))) {
      literal(endOfRegex(source, at));
    } else if (char === "`" || (char === "}" && templates.at(-1) === 0)) {
      if (char === "}") templates.pop();
      const end = endOfTemplatePiece(source, at + 1);
      if (source.slice(end - 2, end) === "${") templates.push(0);
      literal(end);
    } else {
      if (templates.length > 0 && char === "{") templates[templates.length - 1]!++;
      if (templates.length > 0 && char === "}") templates[templates.length - 1]!--;
      out += char;
    }
  }
  return out;
}
