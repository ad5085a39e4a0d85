/** A VM that does not exist yet: which host would take it, why that one, and why not the others. Changes nothing until deployed. */
import { useState } from "preact/hooks";
import type { ClusterExplanationAnswer } from "../../../src/http/scheduler/schemas/answers.js";
import type { ExplanationAnswer } from "../../../src/http/schemas/answers.js";
import { api, type Wanted } from "../api.js";
import { lastOf, operates, useAsked, useSelected } from "../hooks.js";
import { count, counted } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import { type Checked, checkVm, type TypedVm } from "../model/wanted.js";
import { Confirm } from "../parts/confirm.js";
import { Trouble } from "../parts/trouble.js";

type Explained = ExplanationAnswer | ClusterExplanationAnswer;
type HostVerdict = Explained["hosts"][number];

/** Enough to see who is next. */
const SHOWN = 50;

export function WhatIfPage({ typed }: { readonly typed: TypedVm }) {
  const checked = checkVm(typed);
  return (
    <>
      <h1>What if</h1>
      <p class="quiet">Where would a VM go, and why not elsewhere? Nothing is changed by asking.</p>
      <Shape typed={typed} />
      {checked.ok ? (
        <Answer wanted={wantedOf(checked)} />
      ) : (
        <p class="problem" role="alert">
          {checked.problem}
        </p>
      )}
    </>
  );
}

const wantedOf = ({ vcpus, memoryMiB, ratio }: Extract<Checked, { ok: true }>): Wanted => ({
  vcpus,
  memoryMiB,
  ...(ratio === null ? {} : { ratio }),
});

function Shape({ typed }: { readonly typed: TypedVm }) {
  const to = (change: Partial<TypedVm>): void => {
    location.replace(hrefOf({ page: "what-if", ...typed, ...change }));
  };
  return (
    <form class="inline" onSubmit={(event) => event.preventDefault()}>
      <label>
        vCPUs{" "}
        <input
          inputMode="numeric"
          size={5}
          value={typed.vcpus}
          onInput={(event) => to({ vcpus: event.currentTarget.value })}
        />
      </label>
      <label>
        Memory, GiB{" "}
        <input
          inputMode="decimal"
          size={6}
          value={typed.memoryGiB}
          onInput={(event) => to({ memoryGiB: event.currentTarget.value })}
        />
      </label>
      <label>
        Ratio (vCPUs per pCPU){" "}
        <input
          inputMode="decimal"
          size={5}
          value={typed.ratio}
          onInput={(event) => to({ ratio: event.currentTarget.value })}
        />
      </label>
    </form>
  );
}

function Answer({ wanted }: { readonly wanted: Wanted }) {
  const [asked] = useAsked(JSON.stringify(wanted), () => api.explain<Explained>(wanted), null);
  const answer = lastOf(asked);
  if (answer === null) return <Trouble loaded={asked} />;
  const fitting = answer.hosts.filter((host) => host.fits);
  return (
    <>
      <p class="large" aria-live="polite">
        {answer.chosen === null ? (
          "No host takes it."
        ) : (
          <>
            It would go to <a href={hrefOf({ page: "host", id: answer.chosen })}>{answer.chosen}</a>;{" "}
            {counted(fitting.length, "host")} of {count(answer.hosts.length)} could take it. {roomText(answer)}
          </>
        )}
      </p>
      {answer.chosen === null ? null : <Deploy wanted={wanted} />}
      <ol class="verdicts">
        {answer.hosts.slice(0, SHOWN).map((host) => (
          <Verdict key={host.host} host={host} chosen={host.host === answer.chosen} />
        ))}
      </ol>
      {answer.hosts.length > SHOWN ? <p class="quiet">The first {SHOWN}, best first.</p> : null}
    </>
  );
}

/** Of all hosts together: one after the other, since each VM takes room from the next. */
function roomText({ hosts }: Explained): string {
  const room = hosts.reduce((sum, host) => sum + host.room, 0);
  return room === 1 ? "One such VM fits, and no more." : `${count(room)} such VMs fit in all, one after the other.`;
}

function Verdict({ host, chosen }: { readonly host: HostVerdict; readonly chosen: boolean }) {
  return (
    <li class={host.fits ? (chosen ? "chosen" : "") : "refused"}>
      <a href={hrefOf({ page: "host", id: host.host })}>{host.host}</a>{" "}
      {host.fits ? <span class="room">room for {count(host.room)}</span> : null}{" "}
      {"filters" in host ? <Scores host={host} /> : host.reason}
    </li>
  );
}

function Scores({ host }: { readonly host: ClusterExplanationAnswer["hosts"][number] }) {
  const vetoes = host.filters.filter((filter) => !filter.passed);
  if (vetoes.length > 0) return <>{vetoes.map(({ filter, reason }) => `${filter}: ${reason ?? "no"}`).join("; ")}</>;
  const parts = (host.weighers ?? []).filter(({ weight }) => weight !== 0);
  return (
    <>
      score {(host.score ?? 0).toFixed(3)}{" "}
      <span class="quiet">
        ({parts.map(({ weigher, score, weight }) => `${weigher} ${score.toFixed(3)} × ${weight}`).join(", ")})
      </span>
    </>
  );
}

function Deploy({ wanted }: { readonly wanted: Wanted }) {
  const [name, setName] = useState("");
  if (!useSelected(operates)) return null;
  return (
    <div class="inline">
      <label>
        Name <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <Confirm
        label="Deploy"
        disabled={name.trim() === ""}
        question={`Deploy ${name.trim()}?`}
        consequence={`A VM of ${counted(wanted.vcpus, "vCPU")} without a disk is started; images are given on the command line.`}
        act={() => api.createVm({ name: name.trim(), ...wanted })}
        done={() => {
          location.hash = hrefOf({ page: "vm", name: name.trim() });
        }}
      />
    </div>
  );
}
