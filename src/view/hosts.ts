import { type Element, h, section, table } from "./element.ts";
import type { ViewFacts, ViewHost } from "./facts.ts";
import { bytes, counted, duration, moment } from "./words.ts";

/** Hosts × version × health; what waits to be done below its host. */
export const hostsSection = ({ hosts }: ViewFacts): Element =>
  section(
    "hosts",
    counted(hosts.length, "host"),
    table(
      COLUMNS.map(([name, _, kind]) => h("th", { scope: "col", class: kind }, name)),
      hosts.flatMap(rowsOf),
    ),
  );

type Column = [name: string, cell: (host: ViewHost) => string, kind?: string];

const slotsOf = ({ running }: ViewHost) => (running?.processes ?? []).flatMap(({ slots }) => slots);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const COLUMNS: Column[] = [
  ["Host", ({ host }) => host],
  ["Version", ({ version }) => version ?? "none"],
  ["Health", ({ health }) => health],
  ["Running since", ({ since }) => (since === null ? "" : moment(since)), "extra date"],
  ["Workers", (host) => (host.running ? String(slotsOf(host).length) : ""), "number extra"],
  [
    "Memory",
    (host) => (host.running ? bytes(sum(slotsOf(host).map(({ rssBytes }) => rssBytes))) : ""),
    "number extra",
  ],
  [
    "Restarts",
    (host) => (host.running ? String(sum(slotsOf(host).map(({ restarts }) => restarts))) : ""),
    "number extra",
  ],
  [
    "Last pause",
    ({ lastUpgrade }) => (lastUpgrade === null ? "" : duration(lastUpgrade.pauseMs)),
    "number",
  ],
];

function rowsOf(host: ViewHost): Element[] {
  const cells = COLUMNS.map(([name, cell, kind], index) => {
    const text = cell(host);
    if (index === 0) return h("th", { scope: "row" }, text);
    if (name !== "Health") return h("td", { class: kind }, text);
    return h("td", null, h("span", { class: `health ${host.health.replace(" ", "-")}` }, text));
  });
  const remarks = remarksOf(host);
  const row = h("tr", null, ...cells);
  if (remarks.length === 0) return [row];
  const list = h("ul", null, ...remarks.map((remark) => h("li", null, remark)));
  return [row, h("tr", { class: "remarks" }, h("td", { colspan: COLUMNS.length }, list))];
}

function remarksOf({ pending, lastEnd, lock, error, running }: ViewHost): string[] {
  const { leftovers = [], logDropped = 0 } = running ?? {};
  return [
    ...(error ? [error.message] : []),
    ...(lock === null ? [] : [`locked by ${lock.by}: ${lock.reason}`]),
    ...(lastEnd ? [`ended: ${lastEnd.code}: ${lastEnd.message}`] : []),
    ...pending,
    ...leftovers.map((what) => `left of an older version: ${what}`),
    ...(logDropped > 0 ? [`${counted(logDropped, "line")} of its log lost`] : []),
  ];
}
