/** The versions that the mixed soak goes to and from, and those that must never get to serve. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuiltRelease, buildVariant } from "../fixtureReleases.ts";
import { makeSoakProject } from "../soak.ts";

/** How a version fails, and the exit code that this has to be. */
export const FAILURES = {
  load: { exitCode: 4, source: `throw new Error("this version does not load");` },
  prepare: {
    exitCode: 4,
    source: `hot.prepare(async () => { throw new Error("this version can't connect"); });`,
  },
  migration: { exitCode: 4, source: "" },
  health: { exitCode: 5, source: "hot.health(async () => false);" },
} as const;

export type FailureKind = keyof typeof FAILURES;

export interface SoakRelease extends BuiltRelease {
  node: string;
}

export interface SoakReleases {
  good: SoakRelease[];
  failing: Partial<Record<FailureKind, BuiltRelease>>;
}

interface Wanted {
  node: string;
  shape: 1 | 2;
  /** Without it there is a handoff where there could be a swap. */
  accepts: boolean;
  fails?: FailureKind;
}

export async function buildSoakReleases(
  folder: string,
  nodes: readonly string[],
  failing: readonly FailureKind[],
  express: boolean,
): Promise<SoakReleases> {
  const releases: SoakReleases = { good: [], failing: {} };
  let count = 0;
  const build = (wanted: Wanted) => {
    const version = `${++count}.0.0`;
    const { node, shape } = wanted;
    const prepare = (project: string) => {
      makeSoakProject(project, shape, express);
      const added = [
        ...(wanted.accepts ? ["hot.accept();"] : []),
        ...(wanted.fails ? [FAILURES[wanted.fails].source] : []),
      ];
      appendFileSync(join(project, "src/state.ts"), `\n${added.join("\n")}\n`);
      if (wanted.fails === "migration") breakMigration(join(project, "src/state.ts"));
    };
    const variant = { fixture: "soak-1.0.0", version, node, prepare };
    return buildVariant(join(folder, version), variant);
  };
  for (const wanted of goodOnes(nodes)) {
    releases.good.push({ ...(await build(wanted)), node: wanted.node });
  }
  const node = nodes[0]!;
  for (const fails of failing) {
    // One that has begun to serve is handed back from both: from a swap and from a handoff.
    const accepts = fails === "health";
    releases.failing[fails] = await build({ node, shape: 2, accepts, fails });
  }
  return releases;
}

/** From each to each other: a swap, a handoff or a replace, with a migration or without. */
function goodOnes([first, ...others]: readonly string[]): Wanted[] {
  return [
    { node: first!, shape: 1, accepts: true },
    { node: first!, shape: 2, accepts: true },
    { node: first!, shape: 1, accepts: false },
    ...others.map((node, at): Wanted => ({ node, shape: at % 2 ? 1 : 2, accepts: true })),
  ];
}

/** A third shape of the state, that no step leads to. */
function breakMigration(path: string): void {
  const text = readFileSync(path, "utf8");
  const broken = text
    .replace("version: 2,", "version: 3,")
    .replace("upgrade: {", `upgrade: { 2: () => { throw new Error("can't be migrated"); },`);
  if (broken === text) throw new Error("the state of the fixture has another form now");
  writeFileSync(path, broken);
}
