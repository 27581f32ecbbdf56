/** From two manifests (and what the host knows) to the relup. Pure: nothing is read, nothing run. */
import type { Strategy } from "../protocol/report.ts";
import type { AppupMoment } from "../release/appup.ts";
import type { Manifest, ManifestProcess } from "../release/manifest.ts";
import { type AppliedAppup, appupBetween } from "./appup.ts";
import { diffManifests } from "./diff.ts";
import type { Instruction, Obstacle, Plan } from "./instructions.ts";
import { statePath } from "./states.ts";
import { chooseStrategy, type LiveFacts } from "./strategy.ts";

export function planUpgrade(from: Manifest, to: Manifest, live: LiveFacts = {}): Plan {
  const differences = diffManifests(from, to, live.environmentChanged);
  const base = { from: from.version, to: to.version, differences };
  // Another etc/ is a reload's business.
  const isSame = differences.every(({ component }) => component === "environment");
  if (isSame && from.version === to.version) {
    const reasons = ["the releases are identical: nothing to do"];
    return { ...base, strategy: "none", reasons, instructions: [], obstacles: [] };
  }
  const appup = appupBetween(from, to);
  const chosen = chooseStrategy(from, to, differences, live, appup);
  const { strategy, reasons } = chosen;
  const instructions = composeInstructions(from, to, chosen, appup);
  const obstacles = findObstacles(from, to, strategy, appup);
  return { ...base, strategy, reasons, instructions, obstacles, appup };
}

/** The order is the upgrade's own: see the diagram in DESIGN §6 and runtime/supervisor/upgrade.ts. */
function composeInstructions(
  from: Manifest,
  to: Manifest,
  { strategy, reasons, replaces }: ReturnType<typeof chooseStrategy>,
  appup: AppliedAppup | undefined,
): Instruction[] {
  const why = reasons[0]!;
  const at = (component: string, reason: string) => ({
    component,
    from: from.version,
    to: to.version,
    why: reason,
  });
  const kept = to.processes.filter((process) => find(from.processes, process.name));
  const removed = from.processes.filter((process) => !find(to.processes, process.name));
  const isRestart = strategy === "restart";
  const [follow, end] =
    strategy === "swap"
      ? ["they stay where they are and meet the new code", "the old code goes, its process stays"]
      : ["they follow", "the old one drains and ends"];
  const alone = kept.filter((process) => isRestart || !process.overlap);
  const moves = isRestart ? [] : stateMoves(from, to);
  const steps = (moment: AppupMoment, reason: string) =>
    (appup?.[moment] ?? []).map(
      ({ label }): Instruction => ({ op: moment, run: label, ...at("appup", reason) }),
    );
  const onEach = <Op extends "stop" | "freeze" | "activate" | "moveConnections" | "retire">(
    op: Op,
    processes: readonly ManifestProcess[],
    reason: (process: ManifestProcess) => string,
  ) => processes.map((one) => ({ op, process: one.name, ...at(one.name, reason(one)) }));

  const loads = to.processes.map((process): Instruction => {
    const reason = kept.includes(process) ? why : "a new process";
    return {
      op: "load",
      process: process.name,
      slots: process.workers,
      ...at(process.name, reason),
    };
  });
  const freezes = from.states.length > 0 && !isRestart ? kept : [];
  const carried = isRestart ? [] : to.processes;
  return [
    ...steps("before", "the old version serves, nothing of the new one runs"),
    ...(isRestart ? [] : loads),
    ...moves.map((move): Instruction => ({ ...move, op: "rehearse" })),
    ...onEach("freeze", freezes, () => "it has state"),
    ...moves.map((move): Instruction => ({ ...move, op: "carry" })),
    { op: "pointOfNoReturn", ...at("system", "all slots are ready") },
    ...onEach("stop", [...removed, ...alone], (process) =>
      removed.includes(process) ? "not in the new release" : isRestart ? why : "overlap: false",
    ),
    ...(isRestart ? loads : []),
    ...to.processes.flatMap((process) => [
      ...onEach("activate", [process], () => why),
      ...onEach("moveConnections", carried.includes(process) ? [process] : [], () => follow),
    ]),
    { op: "probation", ...at("system", "health checks decide") },
    { op: "commit", ...at("system", "a boot starts the new release from here on") },
    ...(replaces ? [{ op: "replaceSupervisor", ...at("supervisor", why) } as const] : []),
    ...onEach(
      "retire",
      kept.filter((process) => !alone.includes(process)),
      () => end,
    ),
    ...steps("after", "nothing of the old version runs"),
  ];
}

function stateMoves(from: Manifest, to: Manifest) {
  return from.states.flatMap((sender) => {
    const receiver = to.states.find((state) => state.name === sender.name);
    if (!receiver) return [];
    const path = statePath(sender, receiver);
    const why = path.kind === "same" ? "same version" : path.kind;
    const steps = "steps" in path ? path.steps : [];
    const versions = { from: `v${sender.version}`, to: `v${receiver.version}` };
    return [{ component: `state ${sender.name}`, state: sender.name, ...versions, why, steps }];
  });
}

function findObstacles(
  from: Manifest,
  to: Manifest,
  strategy: Strategy,
  appup: AppliedAppup | undefined,
): Obstacle[] {
  const obstacles: Obstacle[] = [];
  if (from.name !== to.name) {
    obstacles.push({ code: "TSUGI_NAME_DIFFERS", details: { from: from.name, to: to.name } });
  }
  if (appup?.forbid) {
    const { by, forbid } = appup;
    const versions = { from: from.version, to: to.version, by };
    const details = { ...versions, reason: forbid.reason };
    obstacles.push({ code: "TSUGI_UPGRADE_FORBIDDEN", details });
  }
  if (strategy === "restart") return obstacles;
  for (const sender of from.states) {
    const receiver = to.states.find((state) => state.name === sender.name);
    if (!receiver || sender.dynamic || receiver.dynamic) continue;
    if (statePath(sender, receiver).kind !== "missing") continue;
    const versions = { from: sender.version, to: receiver.version, version: to.version };
    obstacles.push({
      code: "TSUGI_STATE_PATH_MISSING",
      details: { state: sender.name, ...versions },
    });
  }
  if (from.states.length > 0) obstacles.push(...lostSlots(from, to));
  return obstacles;
}

/** State belongs to a slot: fewer slots would throw some of it away. */
function lostSlots(from: Manifest, to: Manifest): Obstacle[] {
  return from.processes.flatMap((before): Obstacle[] => {
    const after = find(to.processes, before.name);
    if (!after || before.workers === "max" || after.workers === "max") return [];
    if (after.workers >= before.workers) return [];
    const details = { process: before.name, from: before.workers, to: after.workers };
    return [{ code: "TSUGI_WORKERS_LOSE_STATE", details }];
  });
}

const find = (processes: readonly ManifestProcess[], name: string) =>
  processes.find((process) => process.name === name);
