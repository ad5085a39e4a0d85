/** VMs in a table: of a host, or of the cluster a page at a time. */

import type { ClusterVmAnswer } from "../../../src/http/scheduler/schemas/answers.js";
import type { VmAnswer } from "../../../src/http/schemas/answers.js";
import { ratioColour } from "../model/colours.js";
import { decimal, memory, ratioText } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import { ScrollArea } from "./scroll-area.js";

export type Vm = VmAnswer | ClusterVmAnswer;
export const viewOf = (vm: Vm): VmAnswer | null => ("view" in vm ? vm.view : vm);
export const hostOf = (vm: Vm): string | null => ("host" in vm ? vm.host : null);

interface TableProps {
  readonly vms: readonly Vm[];
  /** The VM under the pointer or the keyboard's focus; null: none. */
  readonly onPoint?: (vm: Vm | null) => void;
  readonly withHost?: boolean;
}

const used = (value: number | null | undefined): string =>
  value === null || value === undefined ? "…" : decimal(value);

/** As its balloon's statistics say; without them it is not known. */
const usedMemory = (value: number | null | undefined): string =>
  value === null || value === undefined ? "…" : memory(value);

export function VmTable({ vms, onPoint, withHost = false }: TableProps) {
  if (vms.length === 0) return <p class="quiet">No VM.</p>;
  const measured = vms.some((vm) => viewOf(vm) !== null);
  return (
    <ScrollArea label="VMs">
      <table>
        <caption class="visually-hidden">VMs</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            {withHost ? <th scope="col">Host</th> : null}
            <th scope="col">State</th>
            <th scope="col">Ratio</th>
            <th scope="col" class="number">
              vCPUs
            </th>
            <th scope="col" class="number">
              Memory
            </th>
            {measured ? (
              <>
                <th scope="col" class="number">
                  Memory in use
                </th>
                <th scope="col" class="number">
                  pCPUs in use
                </th>
                <th scope="col" class="number">
                  Waiting
                </th>
              </>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {vms.map((vm) => (
            <tr
              key={vm.name}
              onPointerEnter={() => onPoint?.(vm)}
              onPointerLeave={() => onPoint?.(null)}
              onFocusIn={() => onPoint?.(vm)}
              onFocusOut={() => onPoint?.(null)}
            >
              <th scope="row">
                <a href={hrefOf({ page: "vm", name: vm.name })}>{vm.name}</a>
              </th>
              {withHost ? (
                <td>
                  <a href={hrefOf({ page: "host", id: hostOf(vm) ?? "" })}>{hostOf(vm)}</a>
                </td>
              ) : null}
              <td>{vm.state}</td>
              <td>
                <b class="swatch" style={{ background: ratioColour(vm.ratio) }} /> {ratioText(vm.ratio)}
              </td>
              <td class="number">{vm.vcpus}</td>
              <td class="number">{memory(vm.memoryMiB)}</td>
              {measured ? (
                <>
                  <td class="number">{usedMemory(viewOf(vm)?.usage.memoryMiB)}</td>
                  <td class="number">{used(viewOf(vm)?.usage.cpuPcpus)}</td>
                  <td class="number">{used(viewOf(vm)?.usage.waitPcpus)}</td>
                </>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}
