/** What came out, as the tables of docs/scale.md have it. */
import type { Followed, Stage } from "./followed.ts";
import type { Rolled } from "./rollouts.ts";

const seconds = (value: number | undefined): string =>
  value === undefined ? "–" : value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
const number = (value: number): string => value.toLocaleString("en-US");
const counted = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${number(count)} ${what}`)
    .join(", ") || "–";

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** A column for each deploy. */
const ROLLED: [string, (rolled: Rolled) => string][] = [
  ["rollout", ({ rollout: { canary, batch } }) => `${canary}, then ${batch} at a time`],
  ["exit code", ({ deployed }) => String(deployed.exitCode)],
  ["hosts, as tsugi says", ({ deployed }) => counted(deployed.results)],
  ["hosts that tried it", ({ deployed }) => number(deployed.tried)],
  ["… that handed back by their own verdict", ({ deployed }) => number(deployed.handedBack)],
  ["… that were well and rolled back", ({ deployed }) => number(deployed.rolledBack)],
  ["what runs afterwards", ({ runs }) => counted(runs)],
  ["waves begun", ({ deployed }) => number(deployed.waves.length)],
  ["**time**", ({ deployed }) => `**${seconds(deployed.seconds)}**`],
  ["… asking all hosts", ({ deployed }) => seconds(deployed.phases.facts)],
  ["… locking all", ({ deployed }) => seconds(deployed.phases.lock)],
  ["… sending to all", ({ deployed }) => seconds(deployed.phases.send)],
  ["… checking on all", ({ deployed }) => seconds(deployed.phases.check)],
  ["… upgrading, wave after wave", ({ deployed }) => seconds(deployed.phases.upgrade)],
  ["… writing the accounts", ({ deployed }) => seconds(deployed.phases.account)],
  ["steps on hosts", ({ deployed }) => number(deployed.questions)],
  ["processor time of tsugi", ({ deployed }) => seconds(deployed.peak.cpuSeconds)],
  ["memory of tsugi", ({ deployed }) => `${Math.round(deployed.peak.rssMb)} MB`],
  ["`ssh` processes at once", ({ deployed }) => number(deployed.peak.processes)],
  ["open files of tsugi", ({ deployed }) => number(deployed.peak.files)],
];

export const rolledText = (rolled: Rolled[]): string =>
  table(
    ["", ...rolled.map(({ name }) => name)],
    ROLLED.map(([name, cell]) => [name, ...rolled.map(cell)]),
  );

const STAGES: [keyof Followed, (followed: Followed) => string][] = [
  ["start", () => "all begin in the same moment"],
  ["quiet", () => "nothing new"],
  ["good", () => "a good version, for all"],
  ["share", ({ among }) => `a bad version, for ${number(among)} by \`--share\``],
  ["after", () => "it stays there"],
  ["all", () => "a bad version for all, put back"],
  ["back", () => "the registry was away"],
];

const spread = ({ endedAfter }: Stage): string =>
  endedAfter === undefined ? "–" : endedAfter.map((value) => seconds(value)).join(" · ");

export function followedText(followed: Followed): string {
  const rows = STAGES.map(([name, what]) => {
    const stage = followed[name] as Stage;
    const { all, byKind, peakPerSecond } = stage.requests;
    return [
      what(followed),
      seconds(stage.seconds),
      number(all),
      counted(byKind),
      number(peakPerSecond),
      number(stage.tried),
      number(stage.handedBack),
      spread(stage),
    ];
  });
  const { rssMb, cpuSeconds, seconds: lasted } = followed.registry;
  return [
    table(
      [
        "",
        "lasted",
        "requests",
        "of them",
        "most in a second",
        "hosts that tried",
        "handed back",
        "ended: first · half · last",
      ],
      rows,
    ),
    `The registry took ${seconds(cpuSeconds)} of a processor in ${seconds(lasted)}, and ${Math.round(rssMb)} MB. What runs at the end: ${counted(followed.runs)}.`,
  ].join("\n\n");
}
