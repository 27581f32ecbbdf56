/** What is done on the disk while it is recorded, and what each moment promises. */
import type { mustRun } from "../commands.ts";

export interface Step {
  does: string[];
  /** The version that a boot starts, once it is acknowledged. */
  leaves: string;
}

export const FIRST_VERSION = "0.0.1";

export const stepsWith = (tarball: (version: string) => string): Step[] => [
  { does: ["start"], leaves: "0.0.1" },
  { does: ["upgrade", tarball("0.0.2")], leaves: "0.0.2" },
  { does: ["upgrade", tarball("0.0.3")], leaves: "0.0.3" },
  { does: ["rollback"], leaves: "0.0.2" },
  { does: ["upgrade", "0.0.3"], leaves: "0.0.3" },
  { does: ["remove", "0.0.1"], leaves: "0.0.3" },
  { does: ["restart"], leaves: "0.0.3" },
  { does: ["stop"], leaves: "0.0.3" },
];

/** From the request at which it began to the one after which it was acknowledged. */
export interface Done extends Step {
  from: number;
  to: number;
}

export async function carryOut(
  steps: readonly Step[],
  run: (args: string[]) => ReturnType<typeof mustRun>,
  count: () => Promise<number>,
): Promise<Done[]> {
  const done: Done[] = [];
  for (const step of steps) {
    const from = await count();
    await run(step.does);
    done.push({ ...step, from, to: await count() });
  }
  return done;
}

/** What may boot after a cut at that request: what was acknowledged, or what was under way. */
export function allowedAt(at: number, done: readonly Done[]): Set<string> {
  const acknowledged = done.filter(({ to }) => to <= at).at(-1)?.leaves ?? FIRST_VERSION;
  const underWay = done.filter(({ from, to }) => from <= at && at < to).map((step) => step.leaves);
  return new Set([acknowledged, ...underWay]);
}
