/**
 * Answers for requests that never became one: broken framing, headers too large, too slow. Node hands over the socket
 * alone, so the answer is written by hand; the connection closes after it.
 */
import type { Socket } from "node:net";
import { ERROR_TABLE } from "./error-table.js";
import { PROBLEM_TYPE, problemHeaders, requestProblem } from "./problem.js";
import type { RequestCode } from "./request-errors.js";

const CODES: Readonly<Record<string, RequestCode>> = {
  HPE_HEADER_OVERFLOW: "headers-too-large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "payload-too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
};

/** Listener of Node's `clientError`. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = CODES[error.code ?? ""] ?? "malformed-request";
  // An answer on its way already: a second one would be taken for part of it.
  if (socket.bytesWritten > 0 && code !== "request-timeout" && hasOpenAnswer(socket)) {
    socket.destroy();
    return;
  }
  const problem = requestProblem(code, ERROR_TABLE[code].meaning);
  const body = JSON.stringify(problem);
  const headers = {
    ...problemHeaders(problem),
    "content-type": PROBLEM_TYPE,
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    `HTTP/1.1 ${problem.status} ${REASONS[problem.status] ?? "Bad Request"}\r\n${lines.join("\r\n")}\r\n\r\n${body}`,
  );
}

const REASONS: Readonly<Record<number, string>> = {
  408: "Request Timeout",
  413: "Payload Too Large",
  431: "Request Header Fields Too Large",
};

/** Node keeps the response under way on the socket, under a name of its own. */
const hasOpenAnswer = (socket: Socket & { _httpMessage?: unknown }): boolean =>
  socket._httpMessage !== undefined && socket._httpMessage !== null;
