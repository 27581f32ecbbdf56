/**
 * Which strategy fits, and why.
 *
 *   the appup asks for a restart                                  restart
 *   tsugi differs, or the Node that the supervisor runs on        replace
 *   the appup asks for a handoff                                  handoff
 *   same runtime, tsugi, packages, node.args, processes; both
 *   accept; every migrated state can go back                      swap
 *   anything else                                                 handoff
 */
import type { ProcessFacts, Strategy } from "../protocol/report.ts";
import type { Manifest } from "../release/manifest.ts";
import type { AppliedAppup } from "./appup.ts";
import type { Difference } from "./instructions.ts";
import { statePath } from "./states.ts";

/** What only the host knows. */
export interface LiveFacts {
  /** Node version that the supervisor runs on, without the v. */
  supervisorNode?: string | undefined;
  /** `etc/` changed since the running generation was started. */
  environmentChanged?: boolean | undefined;
  /** What the running processes say against a swap. */
  refusesSwap?: string | undefined;
  /** What the workers of each process say of themselves. */
  running?: Readonly<Record<string, ProcessFacts>> | undefined;
  /** The same release once more, with `etc/` read anew: nothing of it changes in `releases/`. */
  reload?: boolean | undefined;
}

export function chooseStrategy(
  from: Manifest,
  to: Manifest,
  differences: readonly Difference[],
  live: LiveFacts,
  appup?: AppliedAppup,
): { strategy: Strategy; reasons: string[]; replaces: boolean } {
  const replacing = reasonsToReplace(from, to, differences, live);
  const replaces = replacing.length > 0;
  const forced = appup?.force && `the appup of ${appup.by} asks for it: ${appup.force.reason}`;
  if (forced && appup.force?.use === "restart") {
    const lost = from.states.map(({ name }) => `state "${name}" is not carried`);
    return { strategy: "restart", reasons: [forced, ...lost, ...replacing], replaces };
  }
  if (replaces) return { strategy: "replace", reasons: replacing, replaces };
  if (forced) return { strategy: "handoff", reasons: [forced], replaces };
  const against = reasonsAgainstSwap(from, to, differences, live);
  if (against.length > 0) return { strategy: "handoff", reasons: against, replaces };
  const reasons = ["only the application's code differs, and it accepts"];
  return { strategy: "swap", reasons, replaces };
}

function reasonsToReplace(
  from: Manifest,
  to: Manifest,
  differences: readonly Difference[],
  live: LiveFacts,
): string[] {
  const reasons: string[] = [];
  const tsugi = differences.find((difference) => difference.component === "tsugi");
  if (tsugi) reasons.push(`tsugi differs: ${tsugi.from} → ${tsugi.to}`);
  const running = live.supervisorNode ?? from.runtime.version;
  if (running !== to.runtime.version) {
    reasons.push(`the supervisor's Node differs: ${running} → ${to.runtime.version}`);
  }
  return reasons;
}

const NOT_SWAPPABLE: Record<string, string> = {
  runtime: "the runtime differs",
  packages: "the packages differ",
  nodeArgs: "node.args differs",
  config: "the built-in settings differ",
};

function reasonsAgainstSwap(
  from: Manifest,
  to: Manifest,
  differences: readonly Difference[],
  live: LiveFacts,
): string[] {
  const reasons: string[] = [];
  for (const { component, from: a, to: b } of differences) {
    const reason = component.startsWith("process ")
      ? `${component} differs`
      : NOT_SWAPPABLE[component];
    if (reason) reasons.push(`${reason}: ${a} → ${b}`);
  }
  for (const { version, forks } of [from, to]) {
    if (forks)
      reasons.push(`${version} forks workers of its own: their connections are not carried`);
  }
  if (live.environmentChanged) reasons.push("etc/ has changed");
  for (const side of [from, to]) {
    if (side.build === "own") reasons.push(`${side.version} is built with build: "own"`);
    else if (!side.accepts) reasons.push(`${side.version} does not call hot.accept()`);
  }
  if (reasons.length === 0) {
    for (const side of [from, to]) reasons.push(...unswappable(side));
    reasons.push(...oneWayStates(from, to));
    if (live.refusesSwap !== undefined) reasons.push(live.refusesSwap);
  }
  return [...new Set(reasons)];
}

function unswappable({ processes, version }: Manifest): string[] {
  return processes.flatMap((process) => {
    if (!process.overlap) return [`${process.name} has overlap: false`];
    if (process.swap !== undefined) return [];
    return [
      `${process.name} of ${version} does not call hot.accept(), or has a preload of its own`,
    ];
  });
}

/** A hand-back takes the state back: nobody has kept a copy of what it was. */
function oneWayStates(from: Manifest, to: Manifest): string[] {
  return from.states.flatMap((sender) => {
    const receiver = to.states.find(({ name }) => name === sender.name);
    if (receiver === undefined) return [];
    const { name } = sender;
    if (sender.dynamic || receiver.dynamic)
      return [`what state "${name}" is shows only at run time`];
    if (statePath(receiver, sender).kind !== "missing") return [];
    return [`state "${name}" has no way back from ${receiver.version} to ${sender.version}`];
  });
}
