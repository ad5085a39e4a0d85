/** A topology that was handed in (JSON, recorded host, shape) does not say what it must. Bad input, never a bug. */
export class TopologyFormatError extends Error {
  override readonly name = "TopologyFormatError";
  constructor(
    /** Where, as a path into the document: `cpuset.cpu_list[3].numa_node`. */
    readonly field: string,
    /** What is there, shortened for people. */
    readonly found: string,
    readonly allowed: string,
  ) {
    super(`topology: ${field} is ${found}; allowed: ${allowed}`);
  }
}
