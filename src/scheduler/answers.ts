/**
 * Request ids that come again: while the first is under way the second waits for it, afterwards it gets the same answer.
 * What was thrown is not remembered: its caller is to ask again. Across a change of leaders the VM's record knows the id.
 */
import type { ClusterResult } from "./service.js";

interface Known<T> {
  /** What the id was used for. */
  readonly fingerprint: string;
  readonly answer: Promise<ClusterResult<T>>;
}

export class Answers<T> {
  private readonly known = new Map<string, Known<T>>();

  constructor(private readonly most: number) {}

  /** `requestId` undefined: nobody can ask again. Refuses `request-id-reused`. */
  async run(
    requestId: string | undefined,
    fingerprint: string,
    job: () => Promise<ClusterResult<T>>,
  ): Promise<ClusterResult<T>> {
    if (requestId === undefined) return job();
    const known = this.known.get(requestId);
    if (known !== undefined) return known.fingerprint === fingerprint ? known.answer : reused(requestId);
    const answer = job();
    this.remember(requestId, { fingerprint, answer });
    try {
      return await answer;
    } catch (error) {
      this.known.delete(requestId);
      throw error;
    }
  }

  private remember(requestId: string, known: Known<T>): void {
    this.known.set(requestId, known);
    if (this.known.size <= this.most) return;
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
  }
}

export const reused = (requestId: string): ClusterResult<never> => ({
  ok: false,
  refusal: {
    code: "request-id-reused",
    reason: `the request id ${requestId} was used for another request before`,
    details: { requestId },
  },
});
