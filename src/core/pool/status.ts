/** Placeholder types of `GET /status` (spec 1.4); the functions follow. */
export interface SeedPoolStatus {
  readonly pcap: number;
  readonly palloc: number;
  readonly vavail: number;
  readonly vpotential: number;
}

export interface SeedResourceStatus {
  readonly avail: number;
  readonly subset: Readonly<Record<string, SeedPoolStatus>>;
}

export interface SeedStatus {
  readonly cpu: SeedResourceStatus;
  readonly mem: SeedResourceStatus;
}
