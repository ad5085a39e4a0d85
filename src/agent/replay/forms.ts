/** Choices of a replay that the command line offers; apart from the code behind them, which loads only when it runs. */

/** What a trace's memory sizes are in. The seeds' recorder writes MB and their reader takes KiB (spec 3, unit trap). */
export const MEMORY_UNITS = ["MB", "KiB"] as const;
export type MemoryUnit = (typeof MEMORY_UNITS)[number];

/** The form of a pool's text in the re-computed trace, see pool-text.ts. */
export const POOL_TEXT_FORMS = ["compact", "full"] as const;
export type PoolTextForm = (typeof POOL_TEXT_FORMS)[number];
