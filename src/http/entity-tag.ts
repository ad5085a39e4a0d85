/** Entity tags of hosts (RFC 9110, 8.8.3): weak, since usage moves on while pools, VMs and readiness stay. */

export const weakTag = (tag: string): string => `W/"${tag}"`;

/** Whether `If-None-Match` names the tag, by weak comparison (RFC 9110, 13.1.2). */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const bare = (text: string): string => text.trim().replace(/^W\//, "");
  return header.trim() === "*" || header.split(",").some((one) => bare(one) === bare(tag));
}
