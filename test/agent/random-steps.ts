/** Random steps for random-host.ts: requests, with or without trouble while they run, and what people and guests do. */
import type { Procedure } from "../../src/drivers/fake/faults.js";
import fc from "../support/property.js";

const FAULTY = [
  "define",
  "start",
  "destroy",
  "undefine",
  "pinVcpu",
  "setVcpus",
  "setMemory",
  "setMetadata",
  "redefine",
  "detail",
  "pins",
] as const satisfies readonly Procedure[];

interface Size {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly ratio: number;
}

export type Request =
  | { readonly kind: "deploy"; readonly vm: number; readonly size: Size; readonly image: boolean }
  | { readonly kind: "remove"; readonly vm: number }
  | { readonly kind: "resize"; readonly vm: number; readonly size: Partial<Size>; readonly restart: boolean };

export type Trouble =
  | { readonly kind: "none" }
  | { readonly kind: "refuse" | "lose"; readonly procedure: Procedure }
  | { readonly kind: "disconnect"; readonly procedure: Procedure }
  | { readonly kind: "journal"; readonly nth: number }
  | { readonly kind: "kill"; readonly nth: number; readonly when: "before" | "after" };

export type Step =
  | { readonly kind: "request"; readonly request: Request; readonly trouble: Trouble }
  | { readonly kind: "tick"; readonly trouble: Trouble }
  | { readonly kind: "pin"; readonly vm: number; readonly vcpu: number; readonly pcpus: readonly number[] }
  | { readonly kind: "stop" | "start" | "crash" | "pause" | "resume" | "vanish"; readonly vm: number }
  | { readonly kind: "foreign"; readonly vm: number; readonly vcpus: number; readonly running: boolean }
  | { readonly kind: "restart"; readonly keepsJournal: boolean };

export const NAMES = ["a", "b", "c", "d", "e", "f"];
const vm = fc.nat({ max: NAMES.length - 1 });
const sizes = {
  vcpus: fc.integer({ min: 1, max: 7 }),
  memoryMiB: fc.constantFrom(256, 1024, 20_000, 40_000),
  ratio: fc.constantFrom(1, 1.5, 2, 2.6, 3),
};

const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("deploy" as const), vm, size: fc.record(sizes), image: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), vm }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("resize" as const),
      vm,
      size: fc.record(sizes, { requiredKeys: [] }),
      restart: fc.boolean(),
    }),
  },
);

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Trouble>({ kind: "none" }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("refuse" as const, "lose" as const, "disconnect" as const),
      procedure: fc.constantFrom(...FAULTY),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("journal" as const), nth: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("kill" as const),
      nth: fc.integer({ min: 1, max: 14 }),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
);

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("request" as const), request, trouble }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick" as const), trouble }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pin" as const),
      vm,
      vcpu: fc.nat({ max: 6 }),
      pcpus: fc.uniqueArray(fc.nat({ max: 15 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("stop", "start", "start", "crash", "pause", "resume", "vanish"),
      vm,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("foreign" as const),
      vm,
      vcpus: fc.integer({ min: 1, max: 18 }),
      running: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), keepsJournal: fc.boolean() }) },
);
