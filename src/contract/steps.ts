/**
 * The steps of an upgrade: their names, the phase that each belongs to, and what has been reached
 * when it has ended, on a host of Node and on one of the BEAM. `plan` lists them, a terminal and the
 * report show them, and a crash sweep strikes at them, all by these names.
 *
 *   phase       what is true                                     a failure leads to
 *   ─────────   ──────────────────────────────────────────────   ─────────────────────────────
 *   before      old serves; nothing of new runs                  refused      4
 *   loading     old serves, untouched; new loads on standby      new ended        → refused    4
 *   frozen      old takes no request; its state is whole         new ended, thaw  → thawed     4
 *   ── point of no return ──────────────────────────────────────────────────────────────────────
 *   active      new serves; old keeps what it had                hand-back        → handed-back 5
 *   committed   `permanent` names the new; old is retired        reported, exit 1
 *   after       new serves; nothing of old runs                  reported, exit 1
 *
 * Data only: what a step does stands in runtime/supervisor/steps.ts and in tsugi_upgrade.erl.
 */

export const PHASES = ["before", "loading", "frozen", "active", "committed", "after"] as const;
export type Phase = (typeof PHASES)[number];

export interface StepText {
  phase: Phase;
  /** What has been reached; absent where that host has no such step, or says more about each. */
  node?: string;
  beam?: string;
}

const steps = {
  plan: {
    phase: "before",
    beam: "appups and relup computed from the two releases",
  },
  before: { phase: "before", beam: "what comes before is done" },
  load: {
    phase: "loading",
    node: "the new version is loaded, its config evaluated",
    beam: "the new version's config evaluated, its code found fit",
  },
  rehearse: {
    phase: "loading",
    node: "a copy of the state was taken over",
    beam: "a copy of the state was taken over",
  },
  standby: {
    phase: "loading",
    beam: "another VM has loaded the new version and waits for this one",
  },
  install: { phase: "loading", node: "installed: current, not yet permanent" },
  freeze: {
    phase: "frozen",
    node: "the old version is frozen",
    beam: "connections are held, the processes with state are suspended",
  },
  carry: {
    phase: "frozen",
    node: "the state is with the new version",
    beam: "installed: the new code is in, the state is with it",
  },
  announce: { phase: "frozen", node: "every connection is with the new version" },
  stop: { phase: "active", node: "what must not run twice has ended" },
  activate: { phase: "active", node: "the new version serves" },
  connections: { phase: "active", node: "the connections have followed" },
  restart: { phase: "active", beam: "the old VM has ended, one of the new version serves" },
  verify: { phase: "active", beam: "every module is the new one, no process in old code" },
  probation: {
    phase: "active",
    node: "the new version is healthy",
    beam: "the new version is healthy",
  },
  commit: { phase: "active", node: "made permanent", beam: "made permanent" },
  takeOver: { phase: "committed", node: "the new supervisor has taken over" },
  prune: {
    phase: "committed",
    node: "releases that nobody needs are gone",
    beam: "releases that nobody needs are gone",
  },
  retire: { phase: "committed", node: "the old version has ended" },
  after: { phase: "after", beam: "what comes after is done" },
  "hand-back": { phase: "active", beam: "the old version is installed again, with the state" },
} as const satisfies Record<string, StepText>;

export type StepName = keyof typeof steps;

export const STEPS: Readonly<Record<StepName, StepText>> = steps;
