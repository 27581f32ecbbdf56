/** From two manifests (and what the host knows) to the relup. Pure: nothing is read, nothing run. */

import type { Strategy } from "../protocol/report.ts";
import { type Manifest, named } from "../release/manifest.ts";
import { type AppliedAppup, appupBetween } from "./appup.ts";
import { composeInstructions } from "./compose.ts";
import { diffManifests } from "./diff.ts";
import { type Obstacle, type Plan, stepNames } from "./instructions.ts";
import { statePath } from "./states.ts";
import { chooseStrategy, type LiveFacts } from "./strategy.ts";

export function planUpgrade(from: Manifest, to: Manifest, live: LiveFacts = {}): Plan {
  const differences = diffManifests(from, to, live.environmentChanged);
  const base = { from: from.version, to: to.version, differences };
  if (live.reload) {
    const [strategy, reasons] = ["handoff" as const, ["etc/ is read again"]];
    const chosen = { strategy, reasons, replaces: false };
    const instructions = composeInstructions({ from, to, live, chosen });
    return {
      ...base,
      strategy,
      reasons,
      instructions,
      steps: stepNames(instructions),
      obstacles: [],
    };
  }
  // Another etc/ is a reload's business.
  const isSame = differences.every(({ component }) => component === "environment");
  if (isSame && from.version === to.version) {
    const reasons = ["the releases are identical: nothing to do"];
    return { ...base, strategy: "none", reasons, instructions: [], steps: [], obstacles: [] };
  }
  const appup = appupBetween(from, to);
  const chosen = chooseStrategy(from, to, differences, live, appup);
  const { strategy, reasons } = chosen;
  const instructions = composeInstructions({ from, to, live, chosen, appup });
  const obstacles = findObstacles(from, to, strategy, appup);
  const steps = stepNames(instructions);
  return { ...base, strategy, reasons, instructions, steps, obstacles, appup };
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
    const after = named(to.processes, before.name);
    if (!after || before.workers === "max" || after.workers === "max") return [];
    if (after.workers >= before.workers) return [];
    const details = { process: before.name, from: before.workers, to: after.workers };
    return [{ code: "TSUGI_WORKERS_LOSE_STATE", details }];
  });
}
