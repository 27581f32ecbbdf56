/**
 * The instructions of a relup, in the order in which they are run. The words of each kind, and the
 * phase that it belongs to, stand in contract/steps.ts.
 *
 *   before … load rehearse install freeze carry announce
 *   ── point of no return ──
 *   activate connections     of processes of which the old and the new one may run together
 *   stop load activate       of those that must not run twice (a restart: of all)
 *   probation commit takeOver prune retire … after
 */

import type { ProcessFacts } from "../protocol/report.ts";
import type { AppupMoment } from "../release/appup.ts";
import {
  type Manifest,
  type ManifestProcess,
  type ManifestState,
  named,
} from "../release/manifest.ts";
import type { AppliedAppup } from "./appup.ts";
import type { Instruction } from "./instructions.ts";
import { statePath } from "./states.ts";
import type { chooseStrategy, LiveFacts } from "./strategy.ts";

interface Facts {
  from: Manifest;
  to: Manifest;
  live: LiveFacts;
  chosen: ReturnType<typeof chooseStrategy>;
  appup?: AppliedAppup | undefined;
}

export function composeInstructions(facts: Facts): Instruction[] {
  const { from, to, live, chosen, appup } = facts;
  const { strategy, replaces } = chosen;
  const why = chosen.reasons[0]!;
  const isRestart = strategy === "restart";
  const isSwap = strategy === "swap";
  const at = (component: string, reason: string) => ({
    component,
    from: from.version,
    to: to.version,
    why: reason,
  });
  const system = (
    op: "install" | "pointOfNoReturn" | "probation" | "commit" | "prune",
    reason: string,
  ): Instruction => ({ op, ...at("system", reason) });
  const hooks = (moment: AppupMoment, reason: string) =>
    (appup?.[moment] ?? []).map(
      ({ label, index }): Instruction => ({
        op: moment,
        run: label,
        index,
        ...at("appup", reason),
      }),
    );
  const supervisor = (op: "load" | "takeOver"): Instruction[] =>
    replaces ? [{ op, ...at("supervisor", why) }] : [];
  const onEach = (
    op: "stop" | "freeze" | "announce" | "activate" | "connections" | "retire",
    processes: readonly ManifestProcess[],
    reason: string | ((process: ManifestProcess) => string),
  ) =>
    processes.map((one): Instruction => {
      const text = typeof reason === "string" ? reason : reason(one);
      return { op, process: one.name, ...at(one.name, text) };
    });
  const loads = (processes: readonly ManifestProcess[]) =>
    processes.map((process): Instruction => {
      const reason = isIn(from, process) ? why : "a new process";
      const { name, workers: slots } = process;
      return { op: "load", process: name, slots, ...at(name, reason) };
    });

  const isAlone = ({ name }: ManifestProcess) =>
    isRestart || [from, to].some((side) => named(side.processes, name)?.overlap === false);
  const follows = (process: ManifestProcess) => isIn(from, process) && isAlone(process);
  // What is stopped first has nobody to go to.
  const carries = (process: ManifestProcess) =>
    runningOf(facts, process).carries === true && !isAlone(process) && isIn(to, process);
  // It would begin to work as soon as it is loaded.
  const isLate = (process: ManifestProcess) =>
    follows(process) &&
    (isRestart || !isKnown(facts, process) || !runningOf(facts, process).usesHot);
  const together = to.processes.filter((process) => !follows(process));
  const stopped = from.processes.filter(isAlone);
  const late = to.processes.filter(isLate);
  const frozen = from.processes.filter((process) => {
    const { states, freezes } = runningOf(facts, process);
    return !isRestart && (states.length > 0 || freezes || carries(process));
  });
  const hasState = (process: ManifestProcess) => runningOf(facts, process).states.length > 0;
  const moves = isRestart ? [] : stateMoves(facts);
  return [
    ...hooks("before", "the old version serves, nothing of the new one runs"),
    ...supervisor("load"),
    ...loads(to.processes.filter((process) => !isLate(process))),
    ...moves.map((move): Instruction => ({ op: "rehearse", ...move })),
    ...(live.reload ? [] : [system("install", "current, not yet permanent")]),
    ...onEach("freeze", frozen, (process) =>
      hasState(process) ? "it has state" : carries(process) ? "it has connections" : "hot.freeze",
    ),
    ...moves.map((move): Instruction => ({ op: "carry", ...move })),
    // In one process they change hands with the activation, in one turn.
    ...onEach("announce", isSwap ? [] : frozen.filter(carries), "all are there before it begins"),
    system("pointOfNoReturn", "all slots are ready"),
    ...onEach("activate", together, why),
    ...onEach(
      "connections",
      together.filter((process) => isIn(from, process)),
      isSwap ? "they stay where they are and meet the new code" : "they follow",
    ),
    ...onEach("stop", stopped, isRestart ? why : "overlap: false"),
    ...loads(late),
    ...onEach("activate", to.processes.filter(follows), why),
    system("probation", "health checks decide"),
    ...(live.reload ? [] : [system("commit", "a boot starts the new release from here on")]),
    ...supervisor("takeOver"),
    system("prune", "releases that nobody needs go"),
    ...onEach(
      "retire",
      from.processes.filter((process) => !isAlone(process)),
      (process) => {
        const reason = isIn(to, process) ? retired(isSwap) : "not in the new release";
        const running = runningOf(facts, process);
        return [reason, ...closed(running), ...(isSwap ? [] : ended(running))].join("; ");
      },
    ),
    ...hooks("after", "nothing of the old version runs"),
  ];
}

const retired = (isSwap: boolean) =>
  isSwap ? "the old code goes, its process stays" : "the old one drains and ends";

/** They come back by themselves, to the new one. */
function closed({ unregistered = 0, webSocketDrainMs }: ProcessFacts): string[] {
  if (unregistered === 0) return [];
  const within = webSocketDrainMs === undefined ? "" : ` within ${webSocketDrainMs / 1000} s`;
  return [
    `${counted(unregistered, "WebSocket")} of a server that is not registered: closed${within}`,
  ];
}

/** Whoever was told their port sends to nobody from then on. */
const ended = ({ unshared = 0 }: ProcessFacts): string[] =>
  unshared === 0 ? [] : [`${counted(unshared, "UDP socket")} without a port of its own: ended`];

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? "" : "s"}`;

/** As its workers say themselves; where none is asked, as the manifest has it for all of them. */
function runningOf({ from, live }: Facts, { name }: ManifestProcess): ProcessFacts {
  const { states, usesHot } = from;
  return (
    live.running?.[name] ?? { states, usesHot, freezes: false, carries: false, unregistered: 0 }
  );
}

/** One that keeps crashing says nothing of itself; where none is asked, the manifest is all there is. */
const isKnown = ({ live }: Facts, { name }: ManifestProcess): boolean =>
  live.running === undefined || live.running[name] !== undefined;

/** All that the old version has, also what is left behind. */
function stateMoves(facts: Facts) {
  const { from, to } = facts;
  const senders = new Map(
    from.processes.flatMap((process) =>
      runningOf(facts, process).states.map(({ name, version }) => [name, version] as const),
    ),
  );
  return [...senders].map(([name, version]) => {
    const known: ManifestState = { name, version, upgradesFrom: [], downgradesFrom: [] };
    const sender = { ...known, ...named(from.states, name), version };
    const receiver = named(to.states, name);
    const path = receiver ? statePath(sender, receiver) : undefined;
    return {
      component: `state ${name}`,
      state: name,
      from: `v${version}`,
      to: receiver ? `v${receiver.version}` : "none",
      why: path === undefined ? "left behind" : path.kind === "same" ? "same version" : path.kind,
      steps: path && "steps" in path ? path.steps : [],
    };
  });
}

const isIn = ({ processes }: Manifest, { name }: ManifestProcess): boolean =>
  named(processes, name) !== undefined;
