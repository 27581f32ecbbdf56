/** The program behind `npm run long -- crash`; its options are in scripts/long.mjs. */
import { parseArgs } from "node:util";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { NOT_RUN, nameOf, printOutcome } from "./outcome.ts";
import { Results } from "./results.ts";
import { SCENARIOS, scenarioNamed } from "./scenarios.ts";
import { allCells, cellOf, type Planned, Sweep, sampleOf } from "./sweep.ts";
import { markdownTables, summary } from "./table.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string", multiple: true },
    label: { type: "string" },
    fault: { type: "string", multiple: true },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    lanes: { type: "string", default: "2" },
    results: { type: "string" },
    list: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const scenarios = values.scenario?.map(scenarioNamed) ?? SCENARIOS;
const results = new Results(values.results);
const sweep = new Sweep(Number(values.lanes));
let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    void sweep.end().finally(() => process.exit(130));
  });
}
try {
  const all = await plan();
  const cells = all.filter(isWanted);
  const { sample, seed } = values;
  const wanted = sample ? sampleOf(cells, Number(sample), Number(seed)) : cells;
  if (values.list) for (const cell of wanted) console.log(nameOf(cellOf(cell)));
  else await run(wanted);
  if (values.write) write(all);
} finally {
  await sweep.end();
}

async function plan(): Promise<Planned[]> {
  const unknown = scenarios.filter(({ name }) => !results.surveys.has(name));
  if (unknown.length > 0) {
    console.log(`Surveying ${unknown.map(({ name }) => name).join(", ")} …`);
    for (const survey of await sweep.survey(unknown)) results.addSurvey(survey);
  }
  return allCells(scenarios.map(({ name }) => results.surveys.get(name)!));
}

function isWanted({ instant, fault }: Planned): boolean {
  const { label, time } = instant;
  const isLabel = [label, `${label}#${time}`].includes(values.label ?? label);
  return isLabel && (values.fault ?? [fault]).includes(fault);
}

async function run(wanted: Planned[]): Promise<void> {
  const open = wanted.filter((cell) => !results.outcomes.has(nameOf(cellOf(cell))));
  console.log(`${wanted.length} cells, ${open.length} of them to run`);
  let count = 0;
  const outcomes = await sweep.run(open, (outcome) => {
    if (isInterrupted) return;
    count += 1;
    results.addOutcome(outcome);
    printOutcome(outcome, count, open.length);
  });
  console.log(`\n${summary(outcomes)}`);
  if (outcomes.some(({ outcome }) => outcome === "FAIL")) process.exitCode = 1;
}

/** What is known of all cells, also from earlier runs. */
function write(all: Planned[]): void {
  const outcomes = all.map((planned) => results.of(cellOf(planned)));
  const count = outcomes.filter(({ outcome }) => outcome !== NOT_RUN).length;
  const disk = sweep.hasRealDisk ? "a full tmpfs" : "injected at the one write: not root here";
  const body = [
    `${count} of ${all.length} cells were run; the full disk is ${disk}.`,
    `\`\`\`text\n${summary(outcomes)}\n\`\`\``,
  ].join("\n\n");
  const cells = markdownTables(outcomes);
  writeSection({ name: "crash", command: "npm run long -- crash --write", body, cells });
}
