/** What the scheduler's `/v1` answers, as schemas. Its views are sent as they are; the compiler checks (`Wire`) that they agree. */
import { z } from "zod";
import type {
  Adoption,
  ClusterEvent,
  ClusterHost,
  ClusterMoves,
  ClusterStatus,
  ClusterVm,
  Drain,
  HeartbeatAnswer,
} from "../../../scheduler/service.js";
import { hostPool, vmAnswer } from "../../schemas/answers.js";
import { named, type Wire } from "../../schemas/names.js";
import { hostStatus } from "../../schemas/report.js";
import { seedStatusAnswer } from "../../schemas/seed.js";
import { clusterVmStates, hostStates } from "./states.js";

const count = z.int().min(0);
const text = z.string();
const unixMs = z.number().meta({ description: "Milliseconds since the epoch" });

export const clusterVmAnswer = named(
  "ClusterVm",
  "A VM of the cluster, as its record says and its host last reported.",
  z.object({
    name: text,
    host: text,
    state: z.enum(clusterVmStates).meta({
      description:
        "`placing`, `removing`: asked for, not confirmed yet; `migrating`: on its way from `host` to the other of `hosts`; `lost`: its host was given up; `conflict`: several hosts have one",
    }),
    vcpus: count,
    memoryMiB: z.number(),
    ratio: z.number().nullable().meta({ description: "Null where the host's per-vCPU template decides" }),
    image: text.nullable(),
    uuid: text.nullable().meta({ description: "Null until its host confirmed it" }),
    deployedHere: z.boolean().meta({ description: "False: found on a host, not deployed through a scheduler" }),
    antiAffinity: text.nullable(),
    hosts: z
      .array(text)
      .meta({ description: "Hosts that have a VM of this name; more than one while it is moved, and in a conflict" }),
    view: vmAnswer.nullable().meta({ description: "Its host's own view, where the answer came from there just now" }),
  }) satisfies z.ZodType<Wire<ClusterVm>>,
);
export const clusterVmPage = named(
  "ClusterVmPage",
  "A page of VMs, by name.",
  z.object({ items: z.array(clusterVmAnswer), next: text.nullable() }),
);

export const clusterHostAnswer = named(
  "ClusterHost",
  "A host of the cluster.",
  z.object({
    id: text,
    url: text,
    state: z.enum(hostStates).meta({
      description: "`suspect`, `down`: silent, it takes no new VM; `new`: in the list, never heard of",
    }),
    silence: z.number().nullable().meta({ description: "Milliseconds since it was last heard of; null: never" }),
    cordoned: z.boolean().meta({ description: "Closed to new VMs, here at the scheduler" }),
    agentCordoned: z.boolean().meta({ description: "Closed at its own agent" }),
    draining: z.boolean(),
    machineId: text.nullable(),
    labels: z.record(text, text),
    vmCount: count.meta({ description: "VMs that records place here, confirmed or not" }),
    reserved: count.meta({ description: "Of those, the ones that its agent has not confirmed yet" }),
    status: hostStatus.nullable().meta({ description: "The last that was heard; null: nothing" }),
    clockSkew: z
      .number()
      .nullable()
      .meta({ description: "Host's clock less the scheduler's, ms; nothing rests on it" }),
    problems: z.array(text),
  }) satisfies z.ZodType<Wire<ClusterHost>>,
);
export const clusterHostPage = named(
  "ClusterHostPage",
  "A page of hosts, by id.",
  z.object({ items: z.array(clusterHostAnswer), next: text.nullable() }),
);
export const clusterPoolPage = named(
  "ClusterPoolPage",
  "Pools of a page of hosts, by the hosts' ids.",
  z.object({ items: z.array(hostPool), next: text.nullable() }),
);

export const drainAnswer = named(
  "Drain",
  "A host that is being emptied: what is still on it, and what becomes of each VM.",
  z.object({
    host: clusterHostAnswer,
    remaining: z.array(clusterVmAnswer),
    moves: z.array(
      z.object({
        vm: text,
        state: z.enum(["moving", "waiting", "stuck"]).meta({
          description: "`stuck`: it cannot be moved, `reason` says why; it is tried again now and then",
        }),
        to: text.nullable().meta({ description: "Where it goes, or would go now; null: nowhere" }),
        reason: text.nullable(),
      }),
    ),
    advice: text,
  }) satisfies z.ZodType<Wire<Drain>>,
);

export const clusterMovesAnswer = named(
  "ClusterMoves",
  "Live moves that are under way or planned, the VMs that wait for room, and how much of the migration budget is used.",
  z.object({
    items: z.array(
      z.object({
        vm: text,
        from: text,
        to: text,
        memoryMiB: z.number(),
        state: z
          .enum(["planned", "moving"])
          .meta({ description: "`planned`: its room is held, those before it go first" }),
        waiting: text.nullable().meta({ description: "The VM for which it makes room; null: for none" }),
        reason: text,
        lasts: z
          .number()
          .nullable()
          .meta({ description: "Milliseconds since it was begun, as far as this leader knows; null: it is not" }),
      }),
    ),
    waiting: z.array(
      z.object({
        vm: text,
        host: text.nullable().meta({ description: "Where room is made; null: moves are looked for" }),
        moves: count.meta({ description: "That make the room" }),
        made: count.meta({ description: "Of those, the ones that are made" }),
        waits: z.number().meta({ description: "Milliseconds" }),
        patience: z.number().meta({ description: "Milliseconds after which it waits no more" }),
      }),
    ),
    budget: z.object({
      perRequest: count.meta({ description: "Moves for each request; 0: no room is made" }),
      perHour: count,
      begun: count.meta({ description: "In the last hour, by this leader" }),
      planned: count.meta({ description: "Set aside for moves that are planned" }),
      nextIn: z
        .number()
        .nullable()
        .meta({ description: "Milliseconds until the oldest of the hour's moves counts no more; null: there is none" }),
    }),
  }) satisfies z.ZodType<Wire<ClusterMoves>>,
);

const filterVerdict = z.object({
  filter: text,
  passed: z.boolean(),
  reason: text.nullable().meta({ description: "Why not; null when passed" }),
});

/** `PlacementExplanation` in the words of the interface: routes/explain.ts turns one into the other. */
export const clusterExplanationAnswer = named(
  "ClusterExplanation",
  "Every filter's verdict and every weigher's score, for every host; best first, then those that do not fit.",
  z.object({
    chosen: text.nullable().meta({ description: "The host; null when none fits" }),
    room: count.meta({ description: "How many such VMs fit in all, one after the other, as far as counts tell" }),
    hosts: z.array(
      z.object({
        host: text,
        fits: z.boolean(),
        score: z.number().nullable().meta({ description: "Sum of score x weight; null when a filter objects" }),
        room: count.meta({ description: "How many such VMs this host takes, one after the other" }),
        filters: z.array(filterVerdict),
        weighers: z
          .array(z.object({ weigher: text, score: z.number(), weight: z.number() }))
          .nullable()
          .meta({
            description: "Higher is better; those of weight 0 count nothing. Null: the VM cannot be counted there",
          }),
        advice: z
          .array(filterVerdict)
          .meta({ description: "Filters that say what they would do, and do nothing (estimates in the mode advise)" }),
        expected: z.object({ pcpus: z.number().nullable(), memoryMiB: z.number().nullable() }).nullable().meta({
          description: "Predicted peak of the host, with all that was placed since; null: no estimate that counts",
        }),
      }),
    ),
    vetoes: z.record(text, count).meta({ description: "How many hosts each filter objects to" }),
    makesRoom: z
      .object({
        host: text.meta({ description: "Takes the VM after the moves" }),
        moves: z.array(z.object({ vm: text, from: text, to: text })),
        automatic: z.boolean().meta({ description: "Whether a deploy has them made by itself: the migration budget" }),
      })
      .nullable()
      .meta({
        description:
          "Live moves, in order, after which a host would take the VM; asking makes none. Null: a host takes it now, or no moves help that were looked at",
      }),
    prices: z
      .object({
        price: z.number().meta({ description: "What room for such a VM is worth, in hosts" }),
        source: z
          .enum(["learnt", "given"])
          .meta({ description: "learnt: from the cluster's VMs; given: from the list of expected VMs" }),
        vms: count.meta({ description: "VMs that the prices are from" }),
        others: count.meta({
          description: "VMs that went or were refused lately, of which the older ones count in part; none where given",
        }),
        host: z
          .object({ pcpus: z.number(), memoryMiB: z.number() })
          .meta({ description: "The host that the prices are in; others are seen in proportion" }),
        since: unixMs,
      })
      .nullable()
      .meta({ description: "By which the weigher bid scores; null: none, or none yet" }),
  }),
);

export const clusterEvent = named(
  "ClusterEvent",
  "Something that happened in the cluster.",
  z.object({
    id: count,
    at: unixMs,
    kind: z.enum([
      "vm-placed",
      "vm-removed",
      "vm-resized",
      "vm-refused",
      "vm-adopted",
      "vm-vanished",
      "vm-conflict",
      "vm-lost",
      "vm-resolved",
      "vm-moving",
      "vm-moved",
      "vm-move-failed",
      "room-wanted",
      "room-made",
      "room-not-made",
      "host-registered",
      "host-up",
      "host-suspect",
      "host-down",
      "host-replaced",
      "host-forgotten",
      "host-cordoned",
      "host-uncordoned",
      "host-draining",
      "epoch-raised",
      "host-drained",
      "leader-elected",
      "leader-lost",
    ]),
    vm: text.nullable(),
    host: text.nullable(),
    message: text,
  }) satisfies z.ZodType<Wire<ClusterEvent>>,
);

export const clusterEventList = named(
  "ClusterEventList",
  "Events, oldest first.",
  z.object({ items: z.array(clusterEvent) }),
);

export const clusterStatusAnswer = named(
  "ClusterStatus",
  "The cluster in sum: who leads, the store, hosts and VMs by state, what is free.",
  z.object({
    leadership: z.object({
      role: z.enum(["leader", "taking-over", "standby"]),
      epoch: count.nullable(),
      leader: text.nullable().meta({ description: "Address of the scheduler that leads; null: nobody, or not known" }),
    }),
    store: z.object({ kind: text, where: text, reachable: z.boolean(), problem: text.nullable() }),
    hosts: z.object({ up: count, suspect: count, down: count, new: count }),
    vms: z.object({ total: count, placing: count, removing: count, migrating: count, lost: count }),
    pcpus: z.object({ total: z.number(), free: z.number() }),
    memory: z.object({ capacityMiB: z.number(), freeMiB: z.number() }),
    problems: z.array(text).meta({ description: "VMs and hosts that need a person, in words" }),
  }) satisfies z.ZodType<Wire<ClusterStatus>>,
);

export const adoptionAnswer = named(
  "Adoption",
  "Hosts that have seen a later epoch than the cluster's: the cluster's goes on above it.",
  z.object({
    dryRun: z.boolean().meta({ description: "Nothing was changed" }),
    epoch: count.meta({ description: "Of the cluster now" }),
    highest: count.meta({ description: "The highest that any host has seen" }),
    ahead: z.array(text).meta({ description: "Hosts that had seen a later epoch" }),
    silent: z.array(text).meta({ description: "Hosts that did not answer: to be adopted when they do" }),
  }) satisfies z.ZodType<Wire<Adoption>>,
);

export const heartbeatAnswer = named(
  "HeartbeatAnswer",
  "What the scheduler wants to hear next, and when.",
  z.object({
    wants: z.enum(["report", "nothing"]).meta({ description: "`report`: register again, with the whole report" }),
    epoch: count,
    next: z.number().meta({ description: "Milliseconds until the next heartbeat" }),
  }) satisfies z.ZodType<Wire<HeartbeatAnswer>>,
);

export const schedulerReady = named(
  "SchedulerReady",
  "The scheduler takes requests: it leads, or it stands by with current reads.",
  z.object({ status: z.literal("ready"), role: z.enum(["leader", "standby"]), leader: text.nullable() }),
);

export const seedClusterStatus = z.record(text, seedStatusAnswer);
export const seedPlacement = named(
  "SeedPlacement",
  "Outcome of a deploy or remove, as the earlier systems answered, and on which host.",
  z.object({
    success: z.boolean(),
    reason: text.nullable(),
    host: text.nullable().meta({ description: "Id of the host; null: none took it" }),
    url: text.nullable().meta({ description: "Its agent's address" }),
  }),
);

export type ClusterVmAnswer = z.infer<typeof clusterVmAnswer>;
export type ClusterVmPage = z.infer<typeof clusterVmPage>;
export type ClusterHostAnswer = z.infer<typeof clusterHostAnswer>;
export type ClusterHostPage = z.infer<typeof clusterHostPage>;
export type DrainAnswer = z.infer<typeof drainAnswer>;
export type ClusterMovesAnswer = z.infer<typeof clusterMovesAnswer>;
export type ClusterEventList = z.infer<typeof clusterEventList>;
export type ClusterExplanationAnswer = z.infer<typeof clusterExplanationAnswer>;
export type AdoptionAnswer = z.infer<typeof adoptionAnswer>;
export type ClusterStatusAnswer = z.infer<typeof clusterStatusAnswer>;
