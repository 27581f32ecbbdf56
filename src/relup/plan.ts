/** From two manifests (and what the host knows) to the relup. Pure: nothing is read, nothing run. */
import type { Manifest, ManifestProcess } from "../release/manifest.ts";
import { diffManifests } from "./diff.ts";
import type { Instruction, Obstacle, Plan } from "./instructions.ts";
import { statePath } from "./states.ts";
import { chooseStrategy, type LiveFacts } from "./strategy.ts";

export function planUpgrade(from: Manifest, to: Manifest, live: LiveFacts = {}): Plan {
  const differences = diffManifests(from, to);
  const base = { from: from.version, to: to.version, differences };
  if (differences.length === 0 && from.version === to.version) {
    const reasons = ["the releases are identical: nothing to do"];
    return { ...base, strategy: "none", reasons, instructions: [], obstacles: [] };
  }
  const { strategy, reasons } = chooseStrategy(from, to, differences, live);
  const instructions = composeInstructions(from, to, strategy === "replace", reasons[0]!);
  return { ...base, strategy, reasons, instructions, obstacles: findObstacles(from, to) };
}

/** The order is the upgrade's own: see the diagram in DESIGN §6 and runtime/supervisor/upgrade.ts. */
function composeInstructions(
  from: Manifest,
  to: Manifest,
  replace: boolean,
  why: string,
): Instruction[] {
  const versions = { from: from.version, to: to.version };
  const at = (component: string, reason: string) => ({ component, ...versions, why: reason });
  const kept = to.processes.filter((process) => find(from.processes, process.name));
  const removed = from.processes.filter((process) => !find(to.processes, process.name));
  const alone = kept.filter((process) => !process.overlap);
  const moves = stateMoves(from, to);

  const loads = to.processes.map((process): Instruction => {
    const reason = kept.includes(process) ? why : "a new process";
    return {
      op: "load",
      process: process.name,
      slots: process.workers,
      ...at(process.name, reason),
    };
  });
  const freezes = (from.states.length > 0 ? kept : []).map(
    (process): Instruction => ({
      op: "freeze",
      process: process.name,
      ...at(process.name, "it has state"),
    }),
  );
  const stops = [...removed, ...alone].map(
    (process): Instruction => ({
      op: "stop",
      process: process.name,
      ...at(process.name, process.overlap ? "not in the new release" : "overlap: false"),
    }),
  );
  const activations = to.processes.flatMap((process): Instruction[] => [
    { op: "activate", process: process.name, ...at(process.name, why) },
    { op: "moveConnections", process: process.name, ...at(process.name, "they follow") },
  ]);
  return [
    ...loads,
    ...moves.map((move): Instruction => ({ ...move, op: "rehearse" })),
    ...freezes,
    ...moves.map((move): Instruction => ({ ...move, op: "carry" })),
    { op: "pointOfNoReturn", ...at("system", "all slots are ready") },
    ...stops,
    ...activations,
    { op: "probation", ...at("system", "health checks decide") },
    { op: "commit", ...at("system", "a boot starts the new release from here on") },
    ...(replace ? [{ op: "replaceSupervisor", ...at("supervisor", why) } as const] : []),
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

function findObstacles(from: Manifest, to: Manifest): Obstacle[] {
  const obstacles: Obstacle[] = [];
  if (from.name !== to.name) {
    obstacles.push({ code: "TSUGI_NAME_DIFFERS", details: { from: from.name, to: to.name } });
  }
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
