/** What hosts are expected to need, beside what they use, what is booked and what there is: all hosts in a table, one over time. */
import type { EstimateCourseAnswer } from "../../../src/http/scheduler/schemas/estimates.js";
import { allEstimates, api } from "../api.js";
import { lastOf, useAsked, useSelected } from "../hooks.js";
import type { Estimate } from "../model/expected.js";
import { counted, decimal, duration, memory } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import { Bar } from "../parts/bar.js";
import { Chart } from "../parts/chart.js";
import { ScrollArea } from "../parts/scroll-area.js";
import { Trouble } from "../parts/trouble.js";
import type { State } from "../store.js";

const programOf = (state: State) => state.session?.program ?? null;
const EVERY_MS = 10_000;
type Resource = Estimate["cpu"];

export function EstimatesPage({ host }: { readonly host: string }) {
  const scheduler = useSelected(programOf) === "scheduler";
  return (
    <>
      <h1>Estimates</h1>
      <p class="quiet">
        What each host is expected to need at most until its next estimate. What is booked and not needed could be sold
        again; how far placement follows is the scheduler's setting HEADROOM_ESTIMATES.
      </p>
      {scheduler ? <Estimates host={host} /> : <p>Estimates are the scheduler's: open its dashboard.</p>}
    </>
  );
}

function Estimates({ host }: { readonly host: string }) {
  const [asked] = useAsked("estimates", allEstimates, EVERY_MS);
  const estimates = lastOf(asked);
  if (estimates === null) return <Trouble loaded={asked} />;
  if (estimates.length === 0) return <NoEstimates />;
  const chosen = estimates.find(({ id }) => id === host) ?? estimates[0];
  return (
    <>
      <Trouble loaded={asked} />
      {chosen === undefined ? null : <Course key={chosen.id} estimate={chosen} />}
      <Table estimates={estimates} chosen={chosen?.id ?? ""} />
    </>
  );
}

const NoEstimates = () => (
  <p class="quiet">
    No estimate has been published. <code>headroom estimate --watch</code> makes them of the collector's samples; set
    its <code>HEADROOM_ESTIMATE_SCHEDULERS</code> to this address.
  </p>
);

function Course({ estimate }: { readonly estimate: Estimate }) {
  const [asked] = useAsked(`course of ${estimate.id} ${estimate.at}`, () => api.estimateCourse(estimate.id), null);
  const course = lastOf(asked);
  return (
    <section aria-labelledby="course-title">
      <h2 id="course-title">
        <a href={hrefOf({ page: "host", id: estimate.id })}>{estimate.id}</a>, by the strategy {estimate.strategy}
      </h2>
      <p class={estimate.stale ? "warn" : "quiet"}>
        {estimate.stale ? "Stale, and of no account: " : ""}
        {duration(1000 * estimate.ageSeconds)} old, for {duration(1000 * estimate.horizonSeconds)};{" "}
        {said("CPU", estimate.cpu)}; {said("memory", estimate.memory)}
      </p>
      <Trouble loaded={asked} />
      {course === null ? null : course.items.length < 2 ? (
        <p class="quiet">Lines are drawn from the second estimate on: this scheduler remembers 24 of each host.</p>
      ) : (
        <>
          <Lines title="CPU" unit="pCPUs" items={course.items} of={({ cpu }) => cpu} scale={1} />
          <Lines title="Memory" unit="GiB" items={course.items} of={(item) => item.memory} scale={1 / 1024} />
        </>
      )}
    </section>
  );
}

const said = (name: string, { samples, instead }: Resource): string =>
  `${name} from ${counted(samples, "reading")}${instead === null ? "" : ` (${instead}: go by what is booked)`}`;

type Moment = EstimateCourseAnswer["items"][number];

interface LinesProps {
  readonly title: string;
  readonly unit: string;
  readonly items: readonly Moment[];
  readonly of: (item: Moment) => Moment["cpu"];
  readonly scale: number;
}

/** An estimate stands where its window ends, so that it lies over what was then used; a strategy each has its line. */
function Lines({ title, unit, items, of, scale }: LinesProps) {
  const last = items.at(-1)!;
  const times = [...items.map(({ at }) => at / 1000), last.at / 1000 + last.horizonSeconds];
  const scaled = (value: number | null): number | null => (value === null ? null : value * scale);
  const now = (value: (item: Moment) => number | null) => [...items.map((item) => scaled(value(item))), null];
  const strategies = [...new Set(items.map(({ strategy }) => strategy))];
  const foreseen = (strategy: string) => [
    null,
    ...items.map((item) => (item.strategy === strategy ? scaled(of(item).need) : null)),
  ];
  const colours = ["--orange", "--purple", "--sky", "--vermilion"];
  return (
    <Chart
      title={`${title}: what was expected and what came`}
      unit={unit}
      times={times}
      lines={[
        { label: "capacity", colour: "--quiet", dash: [6, 4], values: now((item) => of(item).capacity) },
        { label: "booked", colour: "--blue", values: now((item) => of(item).booked) },
        ...strategies.map((strategy, i) => ({
          label: `expected (${strategy})`,
          colour: colours[i % colours.length]!,
          values: foreseen(strategy),
        })),
        { label: "peak", colour: "--green", values: now((item) => of(item).peak) },
      ]}
    />
  );
}

function Table({ estimates, chosen }: { readonly estimates: readonly Estimate[]; readonly chosen: string }) {
  return (
    <ScrollArea label="Estimates of hosts">
      <table>
        <caption>Hosts: the bar is what is expected to be needed, the mark what is booked</caption>
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">CPU</th>
            <th scope="col" class="number">
              Needed
            </th>
            <th scope="col" class="number">
              Booked
            </th>
            <th scope="col" class="number">
              Last peak
            </th>
            <th scope="col" class="number">
              There are
            </th>
            <th scope="col" class="number">
              Memory needed
            </th>
            <th scope="col" class="number">
              Booked
            </th>
            <th scope="col">Strategy</th>
          </tr>
        </thead>
        <tbody>
          {estimates.map((estimate) => (
            <tr key={estimate.id} class={estimate.id === chosen ? "chosen" : ""}>
              <th scope="row">
                <a
                  href={hrefOf({ page: "estimates", host: estimate.id })}
                  aria-current={estimate.id === chosen ? "true" : undefined}
                >
                  {estimate.id}
                </a>
              </th>
              <td class="wide">{needBar(estimate.cpu)}</td>
              <td class="number">{estimate.cpu.need === null ? "withheld" : decimal(estimate.cpu.need)}</td>
              <td class="number">{decimal(estimate.cpu.booked)}</td>
              <td class="number">{estimate.cpu.peak === null ? "…" : decimal(estimate.cpu.peak)}</td>
              <td class="number">{decimal(estimate.cpu.capacity)}</td>
              <td class="number">{estimate.memory.need === null ? "withheld" : memory(estimate.memory.need)}</td>
              <td class="number">{memory(estimate.memory.booked)}</td>
              <td>
                {estimate.strategy}
                {estimate.stale ? ", stale" : ""}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function needBar({ need, booked, capacity }: Resource) {
  const counts = need ?? booked;
  const words = need === null ? "withheld" : `${decimal(need)} needed`;
  return (
    <Bar
      parts={[{ size: counts, colour: need === null ? "var(--grey)" : "var(--orange)", label: words }]}
      whole={capacity}
      mark={Math.min(booked, capacity)}
      label={`${words}, ${decimal(booked)} booked, of ${decimal(capacity)} pCPUs`}
    />
  );
}
