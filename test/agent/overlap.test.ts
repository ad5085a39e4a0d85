/** While pins change, not only when they are done: guests of two pools never share a pCPU, not for a moment. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../support/property.js";
import { Rig } from "./support.js";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];

const change = fc.record({
  kind: fc.constantFrom("deploy", "deploy", "deploy", "remove", "resize"),
  vm: fc.nat({ max: NAMES.length - 1 }),
  vcpus: fc.integer({ min: 1, max: 6 }),
});

/** Each VM keeps its ratio for life, so that its pool is known from its name. */
const ratioOf = (name: string): number => [1, 2, 3][NAMES.indexOf(name) % 3]!;

for (const policy of ["headroom", "slackvm"] as const) {
  test(`under ${policy} no two pools' guests ever sit on the same pCPU, also between two pin calls`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 20 }), async (changes) => {
        const rig = await new Rig({ policy }).start();
        const shared: string[] = [];
        rig.world.onChange(() => {
          const owner = new Map<number, number>();
          for (const name of rig.running()) {
            for (const pcpu of new Set(rig.world.pinsOf(name)!.flat())) {
              const other = owner.get(pcpu);
              if (other !== undefined && other !== ratioOf(name))
                shared.push(`pCPU ${pcpu}: pools ${other}, ${ratioOf(name)}`);
              owner.set(pcpu, ratioOf(name));
            }
          }
        });
        for (const { kind, vm, vcpus } of changes) {
          const name = NAMES[vm]!;
          if (kind === "deploy") await rig.tryDeploy(name, vcpus, ratioOf(name));
          else if (kind === "remove") await rig.agent.remove(name);
          else await rig.agent.resize({ name, vcpus });
        }
        rig.check();
        assert.deepEqual(shared, []);
      }),
      { numRuns: 150 },
    );
  });
}
