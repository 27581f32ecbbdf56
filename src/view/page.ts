/** The page: one HTML document with all it needs, which a browser shows from disk. */
import { render } from "preact-render-to-string";
import { deploySection } from "./deploys.ts";
import { type Element, h } from "./element.ts";
import {
  domainOf,
  longestWaitMs,
  type Upgraded,
  upgradesTogether,
  type ViewFacts,
  withoutDomain,
} from "./facts.ts";
import { historySection } from "./history.ts";
import { hostsSection } from "./hosts.ts";
import { planSection } from "./plan.ts";
import { RESULTS, upgradesSection } from "./upgrades.ts";
import { common, counted, duration, moment } from "./words.ts";

export interface PageParts {
  style: string;
  /** Of a page that is served: keeps `<main>` as it is now. */
  script?: string | undefined;
}

export function page(facts: ViewFacts, { style, script }: PageParts): string {
  const title = `${facts.app} in ${facts.environment}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${render(h("span", null, title)).slice(6, -7)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${main(facts)}
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`;
}

export function main(all: ViewFacts): string {
  const facts = withoutDomain(all);
  return render(
    h(
      "main",
      null,
      header(facts, domainOf(all)),
      hostsSection(facts),
      deploySection(facts),
      planSection(facts.next),
      upgradesSection(facts),
      historySection(facts),
    ),
  );
}

/** The answer before the questions. */
function header(facts: ViewFacts, domain: string): Element {
  const { app, environment, takenAt } = facts;
  return h(
    "header",
    null,
    h("h1", null, `${app} in ${environment}`),
    ...sentences(facts).map((sentence) => h("p", { class: "answer" }, sentence)),
    h(
      "p",
      { class: "taken" },
      `as of ${moment(takenAt)} UTC${domain && `; hosts in ${domain.slice(1)}`}`,
    ),
  );
}

export function sentences(facts: ViewFacts): string[] {
  const { hosts } = facts;
  const asked = hosts.filter(({ health }) => health !== "unreachable");
  const versions = common(
    asked.map(({ version }) => version ?? "nothing"),
    "versions",
  );
  const unwell = hosts.filter(({ health }) => health !== "ok");
  const health =
    unwell.length === 0
      ? "all healthy"
      : `${unwell.length} of ${hosts.length} not healthy: ${unwell.map(({ host }) => host).join(", ")}`;
  const share = asked.length === hosts.length ? "" : `${asked.length} of `;
  const runs = `${versions} on ${share}${counted(hosts.length, "host")}`;
  if (asked.length === 0) return [`${counted(hosts.length, "host")} could not be asked.`];
  return [`${runs}, ${health}.`, ...lastUpgrade(facts)];
}

function lastUpgrade(facts: ViewFacts): string[] {
  const [together] = upgradesTogether(facts);
  if (together === undefined) return [];
  const [{ host, report }] = together as [Upgraded];
  const { from, to, result } = report;
  const where = together.length === 1 ? host : counted(together.length, "host");
  const became = result === "committed" ? "" : ` was ${RESULTS[result] ?? result}`;
  const waited = Math.max(...together.map(longestWaitMs));
  const lost = together.reduce((sum, one) => sum + one.report.connections.lost, 0);
  return [
    `Last upgrade: ${from} → ${to} on ${where}${became}. ` +
      `Nobody waited longer than ${waited === 0 ? "usual" : duration(waited)}, ` +
      `${counted(lost, "connection")} lost${leftOf(together)}.`,
  ];
}

/** Where it has gone back, the old version is what serves. */
function leftOf(together: readonly Upgraded[]): string {
  const leftovers = together.flatMap(({ report }) => report.leftovers);
  if (leftovers.length > 0) return `, left: ${leftovers.join(", ")}`;
  const isDone = together[0]?.report.result === "committed";
  return isDone ? ", nothing is left of the old version" : "";
}
