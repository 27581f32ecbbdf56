/** Which cells there are, a sample of them, and running them in several lanes at once. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cell, canHappen, FAULTS, type Fault, type Outcome, runCell } from "./cell.ts";
import { Lane, type Root } from "./lane.ts";
import { Releases } from "./releases.ts";
import type { Scenario } from "./scenarios.ts";
import { type Instant, type Survey, survey } from "./survey.ts";

export interface Planned {
  survey: Survey;
  instant: Instant;
  fault: Fault;
}

export const cellOf = ({ survey, instant, fault }: Planned): Cell => {
  const { label, time } = instant;
  return { scenario: survey.scenario.name, label, time, fault };
};

export function allCells(surveys: readonly Survey[]): Planned[] {
  return surveys.flatMap((survey) =>
    survey.instants.flatMap((instant) =>
      FAULTS.filter((fault) => canHappen(fault, instant)).map((fault) => ({
        survey,
        instant,
        fault,
      })),
    ),
  );
}

/** The same seed takes the same cells of the same list. */
export function sampleOf<T>(cells: readonly T[], count: number, seed: number): T[] {
  const random = mulberry32(seed);
  const keyed = cells.map((cell) => ({ cell, key: random() }));
  return keyed
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ cell }) => cell);
}

/** A generator of a few lines that is the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Sweep {
  readonly #folder = mkdtempSync(join(tmpdir(), "tsugi-crash-"));
  readonly #lanes: Lane[];

  constructor(lanes: number) {
    const releases = new Releases(join(this.#folder, "releases"));
    this.#lanes = Array.from({ length: lanes }, (_, number) => {
      return new Lane(join(this.#folder, `lane${number + 1}`), releases);
    });
  }

  get hasRealDisk(): boolean {
    return this.#lanes.every((lane) => lane.hasRealDisk);
  }

  survey(scenarios: readonly Scenario[]): Promise<Survey[]> {
    return this.#inLanes(scenarios, survey);
  }

  /** In any order; `onOutcome` gets each as it comes. */
  run(cells: readonly Planned[], onOutcome: (outcome: Outcome) => void): Promise<Outcome[]> {
    return this.#inLanes(cells, async (lane, { survey, instant, fault }) => {
      const { run, result } = await runCell(lane, survey, instant, fault);
      if (result.outcome === "FAIL") result.problems.push(`kept: ${keep(run.root, result)}`);
      await run.end();
      lane.remove(run.root);
      onOutcome(result);
      return result;
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #inLanes<T, R>(work: readonly T[], act: (lane: Lane, item: T) => Promise<R>): Promise<R[]> {
    const waiting = work.map((item, index) => ({ item, index }));
    const results: R[] = [];
    const busy = this.#lanes.map(async (lane) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        results[next.index] = await act(lane, next.item);
      }
    });
    await Promise.all(busy);
    return results;
  }
}

/** Everything of a root but the big files, for whoever wants to know why. */
function keep(root: Root, result: Outcome): string {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-crash-kept-"));
  for (const name of ["log", "run", "releases", "etc"]) {
    const filter = (path: string) => !/\.(tar\.gz|sock)$|\.staging/.test(path);
    try {
      cpSync(join(root.path, name), join(folder, name), { recursive: true, filter });
    } catch {
      // Not there, or a socket: the rest is worth keeping.
    }
  }
  mkdirSync(join(folder, "faults"));
  writeFileSync(join(folder, "faults", "passed"), root.faults.passed.join("\n"));
  writeFileSync(join(folder, "cell.json"), JSON.stringify(result, null, 2));
  return folder;
}
