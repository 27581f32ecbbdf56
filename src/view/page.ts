/** The page: one HTML document with all it needs, which a browser shows from disk. */
import { render } from "preact-render-to-string";
import { deploySection } from "./deploys.ts";
import { type Element, h } from "./element.ts";
import { longestWaitMs, type Upgraded, upgradesTogether, type ViewFacts } from "./facts.ts";
import { historySection } from "./history.ts";
import { hostsSection } from "./hosts.ts";
import { planSection } from "./plan.ts";
import { upgradesSection } from "./upgrades.ts";
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

export const main = (facts: ViewFacts): string =>
  render(
    h(
      "main",
      null,
      header(facts),
      hostsSection(facts),
      deploySection(facts),
      planSection(facts.next),
      upgradesSection(facts),
      historySection(facts),
    ),
  );

/** The answer before the questions. */
function header(facts: ViewFacts): Element {
  const { app, environment, takenAt } = facts;
  return h(
    "header",
    null,
    h("h1", null, `${app} in ${environment}`),
    ...sentences(facts).map((sentence) => h("p", { class: "answer" }, sentence)),
    h("p", { class: "taken" }, `as of ${moment(takenAt)} UTC`),
  );
}

export function sentences(facts: ViewFacts): string[] {
  const { hosts } = facts;
  const versions = common(
    hosts.map(({ version }) => version ?? "nothing"),
    "versions",
  );
  const unwell = hosts.filter(({ health }) => health !== "ok");
  const health =
    unwell.length === 0
      ? "all healthy"
      : `${unwell.length} of ${hosts.length} not healthy: ${unwell.map(({ host }) => host).join(", ")}`;
  return [`${versions} on ${counted(hosts.length, "host")}, ${health}.`, ...lastUpgrade(facts)];
}

function lastUpgrade(facts: ViewFacts): string[] {
  const [together] = upgradesTogether(facts);
  if (together === undefined) return [];
  const [{ host, report }] = together as [Upgraded];
  const { from, to, result } = report;
  const where = together.length === 1 ? host : counted(together.length, "host");
  if (result !== "committed") return [`The last upgrade, to ${to} on ${where}, was ${result}.`];
  const waited = Math.max(...together.map(longestWaitMs));
  const lost = together.reduce((sum, one) => sum + one.report.connections.lost, 0);
  const leftovers = together.flatMap((one) => one.report.leftovers);
  const left =
    leftovers.length === 0 ? "nothing is left of the old version" : `left: ${leftovers.join(", ")}`;
  return [
    `Last upgrade: ${from} → ${to} on ${where}. ` +
      `Nobody waited longer than ${waited === 0 ? "usual" : duration(waited)}, ` +
      `${counted(lost, "connection")} lost, ${left}.`,
  ];
}
