/**
 * Which names a metric of a sample may have: those that are a column, a field and a part of a Prometheus name alike, in every
 * store, without being escaped. Lower case, since column names are the same in either case.
 */
const NAME = /^[a-z][a-z0-9_]{0,99}$/;
/** Columns, tags and labels of the stores, and the lists of a trace that are no metrics. */
const RESERVED: ReadonlySet<string> = new Set(["host", "vm", "time", "url", "domain", "missing", "filename"]);

export const METRIC_NAME_RULE = "lower-case letters, digits and _, a letter first, at most 100 characters";

export const isMetricName = (name: string): boolean => NAME.test(name) && !RESERVED.has(name);
