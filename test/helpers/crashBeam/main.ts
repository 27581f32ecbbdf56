/** The program behind `npm run long -- crash:beam`; its options are in scripts/long.mjs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { folded, writeSection } from "../../../scripts/lib/reliability.ts";
import { BeamBuilds, BeamHost, elixirMissing } from "../beam.ts";
import { Disk } from "../crash/disk.ts";
import { FaultFolder } from "../crash/faultFolder.ts";
import { NOT_RUN, nameOf, printOutcome } from "../crash/outcome.ts";
import { Results } from "../crash/results.ts";
import { sampleOf } from "../crash/sweep.ts";
import { summary, tableOf } from "../crash/table.ts";
import {
  canHappen,
  FAULTS,
  type Fault,
  type Instant,
  type Outcome,
  runCell,
  type Survey,
  survey,
} from "./cell.ts";
import { Run } from "./run.ts";
import { OLD, release, SCENARIOS, type Scenario } from "./scenarios.ts";

const HEADS: Record<Fault, string> = {
  killed: "that VM killed",
  control: "command killed",
  eio: "EIO",
  "full-disk": "disk full",
  torn: "torn write",
};

const { values } = parseArgs({
  options: {
    scenario: { type: "string", multiple: true },
    label: { type: "string" },
    fault: { type: "string", multiple: true },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    results: { type: "string" },
    list: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const missing = await elixirMissing();
if (missing !== false) throw new Error(missing);

const scenarios = SCENARIOS.filter(({ name }) => (values.scenario ?? [name]).includes(name));
const results = new Results<Survey, Outcome>(values.results);
const folder = mkdtempSync(join(tmpdir(), "tsugi-crash-beam-"));
const builds = new BeamBuilds();
const disk = new Disk(join(folder, "disk"));
// The roots lie where the disk can be full; so does what they have hard links to.
process.env.TMPDIR = disk.path;
let runs = 0;
let current: Run | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void Promise.resolve(current?.end()).finally(() => end(130)));
}
try {
  const all: { survey: Survey; instant: Instant; fault: Fault }[] = [];
  for (const scenario of scenarios) {
    const known = results.surveys.get(scenario.name) ?? (await surveyOf(scenario));
    const each = known.instants.flatMap((instant) =>
      FAULTS.filter(
        (fault) => canHappen(fault, instant, scenario) && (disk.isReal || fault !== "full-disk"),
      ).map((fault) => ({ survey: known, instant, fault })),
    );
    all.push(...each);
  }
  const chosen = all.filter(({ instant: { label, time }, fault }) => {
    const isLabel = [label, `${label}#${time}`].includes(values.label ?? label);
    return isLabel && (values.fault ?? [fault]).includes(fault);
  });
  const wanted = values.sample
    ? sampleOf(chosen, Number(values.sample), Number(values.seed))
    : chosen;
  const open = wanted.filter((one) => !results.outcomes.has(nameOf(cellOf(one))));
  if (values.list) for (const one of wanted) console.log(nameOf(cellOf(one)));
  else await runAll(open, wanted.length);
  if (values.write) write(all.map(cellOf));
} finally {
  end();
}

function end(exitCode?: number): void {
  disk.remove();
  builds.dispose();
  rmSync(folder, { recursive: true, force: true });
  if (exitCode !== undefined) process.exit(exitCode);
}

function cellOf({
  survey,
  instant: { label, time },
  fault,
}: {
  survey: Survey;
  instant: Instant;
  fault: Fault;
}) {
  return { scenario: survey.scenario.name, label, time, fault };
}

async function surveyOf(scenario: Scenario): Promise<Survey> {
  console.log(`Surveying ${scenario.name} …`);
  const found = await inRoot(scenario, survey);
  results.addSurvey(found);
  return found;
}

async function inRoot<T>(scenario: Scenario, act: (run: Run) => Promise<T>): Promise<T> {
  runs += 1;
  const config = { restarts: { max: 100, withinMs: 1000 } };
  const [old, to] = [await release(builds, OLD), await release(builds, scenario.to)];
  const host = await BeamHost.install(old, { config });
  host.drop(to);
  const run = new Run(host, scenario, new FaultFolder(join(folder, `faults${runs}`)), disk);
  current = run;
  try {
    return await act(run);
  } finally {
    await run.end();
  }
}

async function runAll(open: { survey: Survey; instant: Instant; fault: Fault }[], wanted: number) {
  console.log(`${wanted} cells, ${open.length} of them to run`);
  const outcomes: Outcome[] = [];
  for (const { survey, instant, fault } of open) {
    const outcome = await inRoot(survey.scenario, (run) => runCell(run, instant, fault));
    results.addOutcome(outcome);
    outcomes.push(outcome);
    printOutcome(outcome, outcomes.length, open.length);
  }
  console.log(`\n${summary(outcomes)}`);
  if (outcomes.some(({ outcome }) => outcome === "FAIL")) process.exitCode = 1;
}

/** What is known of all cells, also from earlier runs. */
function write(cells: ReturnType<typeof cellOf>[]): void {
  const outcomes = cells.map((cell) => results.of(cell));
  const tables = scenarios.flatMap(({ name, what }) => {
    const own = outcomes.filter(({ scenario }) => scenario === name);
    return [folded(`BEAM, ${name}: ${what}`, tableOf(own, HEADS))];
  });
  const count = outcomes.filter(({ outcome }) => outcome !== NOT_RUN).length;
  const body = [
    `${count} of ${cells.length} cells were run; the full disk is ${disk.isReal ? "a full tmpfs" : "left out: not root here"}.`,
    `\`\`\`text\n${summary(outcomes)}\n\`\`\``,
  ].join("\n\n");
  const command = "npm run long -- crash:beam --write";
  writeSection({ name: "crash-beam", command, body, cells: tables.join("\n\n") });
}
