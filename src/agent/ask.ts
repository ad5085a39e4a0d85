/**
 * An answer that did not come is not a failure yet: whether the step was done is asked of the hypervisor, never guessed.
 */
import { OperationalError } from "../ports/errors.js";
import type { Hypervisor } from "../ports/hypervisor.js";
import { isActive } from "./context.js";

/** Does `step`; when it fails, `done` decides. Throws the step's error when it is not done, or when nobody can say. */
export async function ensure(step: () => Promise<void>, done: () => Promise<boolean>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (!(await knownDone(done, error))) throw error;
  }
}

async function knownDone(done: () => Promise<boolean>, first: OperationalError): Promise<boolean> {
  try {
    return await done();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new OperationalError(
      first.code,
      `${first.message}; what became of it could not be asked: ${error.message}`,
      true,
      {
        cause: first,
      },
    );
  }
}

/** Stops and undefines the domain with this name and uuid. Another domain of that name, or none, is left alone. */
export async function eraseDomain(hypervisor: Hypervisor, name: string, uuid: string): Promise<void> {
  const detail = await hypervisor.detail(name);
  if (detail === null || detail.uuid !== uuid) return;
  if (isActive(detail.state)) await stopDomain(hypervisor, name, uuid);
  await ensure(
    () => hypervisor.undefine(name),
    async () => (await hypervisor.detail(name))?.uuid !== uuid,
  );
}

/** Pulls the plug; done when the domain with this uuid does not run. */
export const stopDomain = (hypervisor: Hypervisor, name: string, uuid: string): Promise<void> =>
  ensure(
    () => hypervisor.destroy(name),
    async () => !(await runs(hypervisor, name, uuid)),
  );

/** Starts; done when the domain with this uuid runs. */
export const startDomain = (hypervisor: Hypervisor, name: string, uuid: string): Promise<void> =>
  ensure(
    () => hypervisor.start(name),
    () => runs(hypervisor, name, uuid),
  );

export async function runs(hypervisor: Hypervisor, name: string, uuid: string): Promise<boolean> {
  const detail = await hypervisor.detail(name);
  return detail !== null && detail.uuid === uuid && isActive(detail.state);
}
