/** Live moves: who waits for room, what is moved from where to where, why and for how long, and how much of the hour's budget is used. */
import type { ClusterMovesAnswer } from "../../../src/http/scheduler/schemas/answers.js";
import { count, counted, duration, memory } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import { Bar } from "./bar.js";
import { ScrollArea } from "./scroll-area.js";

type Budget = ClusterMovesAnswer["budget"];

/** Nothing is shown where no room is made and nothing is moved: most clusters, most of the time. */
export function LiveMoves({ moves }: { readonly moves: ClusterMovesAnswer }) {
  const { items, waiting, budget } = moves;
  if (budget.perRequest === 0 && items.length === 0) return null;
  return (
    <section aria-labelledby="moves-title">
      <h2 id="moves-title">Live moves</h2>
      {budget.perRequest === 0 ? null : <Used budget={budget} />}
      {waiting.length === 0 ? null : <Waiting waiting={waiting} />}
      {items.length === 0 ? <p class="quiet">No VM is being moved.</p> : <Moves items={items} />}
    </section>
  );
}

function Used({ budget }: { readonly budget: Budget }) {
  const { perRequest, perHour, begun, planned, nextIn } = budget;
  const used = `${count(begun)} of ${counted(perHour, "move")} begun in the last hour to make room`;
  const more = [
    ...(planned > 0 ? [`${count(planned)} planned`] : []),
    ...(nextIn === null ? [] : [`the oldest counts for ${duration(nextIn)} more`]),
    `at most ${count(perRequest)} for each VM that no host takes`,
  ].join(", ");
  const parts = [
    { size: begun, colour: "var(--blue)", label: "begun" },
    { size: planned, colour: "var(--orange)", label: "planned" },
  ];
  return (
    <>
      <p>{used}</p>
      <Bar parts={parts} whole={perHour} label={`${used}; ${more}`} />
      <p class="quiet">{more}</p>
    </>
  );
}

const Waiting = ({ waiting }: { readonly waiting: ClusterMovesAnswer["waiting"] }) => (
  <ul aria-label="VMs that wait for room">
    {waiting.map(({ vm, host, moves, made, waits, patience }) => (
      <li key={vm}>
        <strong>{vm}</strong> waits for{" "}
        {host === null ? (
          "moves that make room, which are looked for"
        ) : (
          <>
            room on <a href={hrefOf({ page: "host", id: host })}>{host}</a>: {count(made)} of {counted(moves, "move")}{" "}
            made
          </>
        )}
        , {duration(waits)} of {duration(patience)}
      </li>
    ))}
  </ul>
);

const Moves = ({ items }: { readonly items: ClusterMovesAnswer["items"] }) => (
  <ScrollArea label="Live moves">
    <table>
      <caption class="visually-hidden">Live moves</caption>
      <thead>
        <tr>
          <th scope="col">VM</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Memory
          </th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ vm, from, to, state, memoryMiB, reason, lasts }) => (
          <tr key={vm}>
            <th scope="row">
              <a href={hrefOf({ page: "vm", name: vm })}>{vm}</a>
            </th>
            <td>
              <a href={hrefOf({ page: "host", id: from })}>{from}</a>
            </td>
            <td>
              <a href={hrefOf({ page: "host", id: to })}>{to}</a>
            </td>
            <td>{lasts === null ? state : `${state}, ${duration(lasts)}`}</td>
            <td class="number">{memory(memoryMiB)}</td>
            <td>{reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </ScrollArea>
);
