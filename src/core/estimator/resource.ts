/** CPU and memory are estimated by one code with the resource as its parameter. CPU in cores (pCPUs), memory in the trace's MB. */
export const RESOURCES = ["cpu", "memory"] as const;
export type Resource = (typeof RESOURCES)[number];

/** One value for each resource. */
export type PerResource<T> = Readonly<Record<Resource, T>>;

export const perResource = <T>(make: (resource: Resource) => T): PerResource<T> => ({
  cpu: make("cpu"),
  memory: make("memory"),
});
