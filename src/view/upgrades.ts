import type { UpgradeReport } from "../protocol/report.ts";
import { bars } from "./bars.ts";
import { type Element, type Fact, factList, h, section, table } from "./element.ts";
import { longestWaitMs, type Upgraded, upgradesTogether, type ViewFacts } from "./facts.ts";
import { waterfall } from "./waterfall.ts";
import { bytes, counted, duration, moment } from "./words.ts";

const SHOWN = 40;

/** What happened, how long anybody waited, what is left: the newest first, and open. */
export function upgradesSection(facts: ViewFacts): Element {
  const upgrades = upgradesTogether(facts);
  const shown = upgrades.slice(0, SHOWN);
  const more = upgrades.length - shown.length;
  return section(
    "upgrades",
    "Upgrades",
    upgrades.length === 0 && h("p", null, "None yet."),
    ...shown.map((together, index) => upgradeElement(together, index === 0)),
    more > 0 && h("p", { class: "more" }, `${counted(more, "older one")} not shown`),
  );
}

export const RESULTS: Record<UpgradeReport["result"], string> = {
  committed: "done",
  refused: "refused: the old version served on",
  thawed: "thawed: the old version serves",
  "handed-back": "handed back: the old version serves again",
  checked: "checked",
};

/** Of several hosts the one that waited longest is shown in full. */
function upgradeElement(together: readonly Upgraded[], open: boolean): Element {
  const { host, report } = together.reduce((worst, one) =>
    longestWaitMs(one) > longestWaitMs(worst) ? one : worst,
  );
  const where = together.length === 1 ? host : counted(together.length, "host");
  const { from, to, strategy, result, at, error, reasons } = report;
  return h(
    "details",
    { class: `upgrade ${result === "committed" ? "done" : "undone"}`, open },
    h(
      "summary",
      null,
      h("strong", null, from === to ? `${to} again` : `${from} → ${to}`),
      " ",
      h("span", { class: "result" }, RESULTS[result] ?? result),
      " ",
      h("span", { class: "where" }, `${where}, ${moment(at)}, ${strategy}`),
    ),
    reasons.length > 0 && h("p", { class: "why" }, `${strategy}, because ${reasons.join("; ")}`),
    together.length > 1 && hostBars(together),
    together.length > 1 && h("h3", null, host),
    factList(measured(report)),
    waterfall(report),
    statesTable(report),
    error && h("p", { class: "error" }, h("code", null, error.code), ` ${error.message}`),
    error?.hint && h("p", { class: "hint" }, `→ ${error.hint}`),
  );
}

const hostBars = (together: readonly Upgraded[]): Element =>
  bars(
    [...together]
      .sort((a, b) => longestWaitMs(b) - longestWaitMs(a))
      .map((upgraded) => ({
        name: upgraded.host,
        startMs: 0,
        ms: longestWaitMs(upgraded),
        failed: upgraded.report.connections.lost > 0,
        value: duration(longestWaitMs(upgraded)),
        title: `${upgraded.host}: longest wait ${duration(longestWaitMs(upgraded))}`,
      })),
  );

/** Only what was measured: absent, not zero. */
function measured({ pauseMs, quietMs, connections, requests, leftovers }: UpgradeReport): Fact[] {
  const { carried, drained, lost, refused = [] } = connections;
  return [
    { name: "Pause", value: duration(pauseMs) },
    {
      name: "Longest wait of a connection",
      value: carried === 0 ? "none moved" : duration(quietMs.max),
    },
    { name: "Connections carried", value: carried.toLocaleString("en") },
    { name: "Ended in order", value: drained.toLocaleString("en") },
    ...refused.map(({ count, why }) => {
      return { name: "Closed of the carried", value: `${count}: ${why}`, isBad: true };
    }),
    { name: "Lost", value: lost.toLocaleString("en"), isBad: lost > 0 },
    { name: "Requests that waited", value: requests.waited.toLocaleString("en") },
    {
      name: "Left of the old version",
      value: leftovers.length === 0 ? "nothing" : leftovers.join(", "),
      isBad: leftovers.length > 0,
    },
  ];
}

function statesTable({ states }: UpgradeReport): Element | false {
  if (states.length === 0) return false;
  const head = ["State", "Version", "Size", "Migrated in", "Rehearsed"];
  const rows = states.map(({ name, from, to, bytes: size, migrateMs, rehearsed }) => [
    name,
    from === to ? String(to) : `${from ?? "new"} → ${to ?? "gone"}`,
    bytes(size),
    migrateMs === null ? "not measured" : duration(migrateMs),
    rehearsed === true ? "yes" : rehearsed === false ? "no" : rehearsed,
  ]);
  return table(
    head.map((name) => h("th", { scope: "col" }, name)),
    rows.map((row) => h("tr", null, ...row.map((cell) => h("td", null, cell)))),
  );
}
