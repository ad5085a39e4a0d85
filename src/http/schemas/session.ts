/** What `GET /v1/session` answers: whom the caller speaks to, and what it may do there. */
import { z } from "zod";
import { ROLES } from "../auth.js";
import { named } from "./names.js";

export const sessionAnswer = named(
  "Session",
  "Whom the caller speaks to, and as whom.",
  z.object({
    program: z.enum(["agent", "scheduler"]),
    version: z.string(),
    role: z.enum(ROLES).meta({ description: "Of the token; without tokens, everyone on this machine is an operator" }),
    tokens: z.boolean().meta({ description: "Whether calls need a token here" }),
  }),
);

export type SessionAnswer = z.infer<typeof sessionAnswer>;
