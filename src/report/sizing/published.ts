/** What SlackVM's evaluation published: hosts that 500 VMs need on shared and on dedicated clusters, one unseeded run for each mix (spec 7.2). */

export interface PublishedHosts {
  readonly shared: number;
  readonly dedicated: number;
}

type Row = readonly [mix: string, ovhShared: number, ovhDedicated: number, azureShared: number, azureDedicated: number];

const ROWS: readonly Row[] = [
  ["0/0/100", 54, 54, 31, 31],
  ["0/25/75", 54, 56, 31, 34],
  ["0/50/50", 54, 57, 32, 35],
  ["0/75/25", 56, 58, 34, 36],
  ["0/100/0", 61, 61, 39, 39],
  ["25/0/75", 64, 70, 38, 41],
  ["25/25/50", 66, 71, 43, 46],
  ["25/50/25", 70, 75, 43, 45],
  ["25/75/0", 71, 73, 47, 48],
  ["50/0/50", 75, 83, 51, 53],
  ["50/25/25", 81, 87, 54, 56],
  ["50/50/0", 85, 86, 59, 60],
  ["75/0/25", 89, 94, 64, 66],
  ["75/25/0", 97, 97, 65, 66],
  ["100/0/0", 110, 110, 76, 76],
];

const ofPlaces = (shared: 1 | 3, dedicated: 2 | 4): ReadonlyMap<string, PublishedHosts> =>
  new Map(ROWS.map((row) => [row[0], { shared: row[shared], dedicated: row[dedicated] }]));

/** By scenario and mix. */
export const PUBLISHED: ReadonlyMap<string, ReadonlyMap<string, PublishedHosts>> = new Map([
  ["ovhcloud2023", ofPlaces(1, 2)],
  ["azure2017", ofPlaces(3, 4)],
]);
