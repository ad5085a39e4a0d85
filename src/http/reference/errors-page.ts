/** docs/errors.md, written from the error table. Pure. */

import { REFUSAL_CODES } from "../../core/result.js";
import { FAILURE_CODES } from "../../ports/errors.js";
import { CLUSTER_REFUSAL_CODES } from "../../scheduler/service.js";
import { ERROR_TABLE, type ErrorCode } from "../error-table.js";
import { REQUEST_CODES } from "../request-errors.js";

const HEAD = `# Errors of the HTTP interface

<!-- Written by \`npm run openapi\` from src/http/error-table.ts. -->

Every error is \`application/problem+json\` (RFC 9457). Programs compare \`code\`; people read \`detail\`. A server answers
\`GET /problems/{code}\` with the lines below. \`errors\` names each wrong field, where it stands, and what is allowed.
\`retryable\` says whether the same request can succeed later; then \`Retry-After\` says when to try.

\`\`\`json
{
  "type": "/problems/invalid-body",
  "title": "Fields of the body are wrong",
  "status": 422,
  "code": "invalid-body",
  "detail": "vcpus: is not allowed: 0; allowed: a whole number from 1 to the host's pCPUs",
  "retryable": false,
  "errors": [
    {
      "in": "body",
      "field": "vcpus",
      "fault": "not-allowed",
      "message": "is not allowed: 0; allowed: a whole number from 1 to the host's pCPUs",
      "allowed": "a whole number from 1 to the host's pCPUs"
    }
  ]
}
\`\`\`
`;

const SECTIONS: readonly (readonly [title: string, about: string, codes: readonly ErrorCode[]])[] = [
  ["Refusals", "The request was understood and the answer is no. Nothing was changed.", REFUSAL_CODES],
  [
    "Refusals of a scheduler",
    "As above, where a whole cluster is asked. A host's own refusals pass through.",
    CLUSTER_REFUSAL_CODES.filter((code) => !REQUEST_CODES.some((other) => other === code)),
  ],
  ["The request", "The request was wrong, not allowed, or came at a bad moment. Nothing was changed.", REQUEST_CODES],
  [
    "Failures",
    "The world did not do what was asked. The state is the one before, or the next tick mends it.",
    FAILURE_CODES,
  ],
];

export function errorsPage(): string {
  const sections = SECTIONS.map(([title, about, codes]) => {
    const rows = codes.map((code) => {
      const { status, title: name, meaning, retryAfterSeconds } = ERROR_TABLE[code];
      const retry = retryAfterSeconds === undefined ? "" : `${retryAfterSeconds} s`;
      return `| \`${code}\` | ${status} | ${name}. ${meaning} | ${retry} |`;
    });
    return `## ${title}\n\n${about}\n\n| code | status | meaning | retry after |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `${HEAD}\n${sections.join("\n")}`;
}
