/** What the views of a deploy have in common: words for actions, steps and results. */

import {
  type Environment,
  type HostOutcome,
  type HostPlan,
  namesText,
  type RolloutPlan,
  type StepName,
  wentOver,
} from "../../deploy/index.ts";
import { formatBytes } from "../output.ts";

/** What a step is called while it goes on, and when it is done. */
const STEPS: Record<StepName, [doing: string, done: string]> = {
  facts: ["asking what it runs", "asked"],
  lock: ["taking the lock", "locked"],
  send: ["sending", "sent"],
  unpack: ["unpacking", "unpacked"],
  environment: ["bringing etc/env", "etc/env brought"],
  check: ["checking the new version", "checked"],
  unit: ["installing the unit", "the unit is installed"],
  start: ["starting", "started"],
  upgrade: ["upgrading", "upgraded"],
  reload: ["reloading", "reloaded"],
  verify: ["asking the processes", "verified"],
  health: ["watching", "healthy"],
  rollback: ["rolling back", "rolled back"],
  account: ["writing the account", "accounted"],
};

export const doing = (step: StepName): string => STEPS[step][0];
export const done = (step: StepName): string => STEPS[step][1];

/** One line a host: what will be done there. */
export function planRow({ host, action, from, send, relup, isRunning }: HostPlan): string[] {
  const how = relup === undefined ? "" : ` by ${relup.strategy}`;
  const what = {
    install: "first install",
    start: "start",
    upgrade: `${isRunning ? "upgrade" : "start, then upgrade"}${how}`,
    reload: "runs it already",
  }[action];
  return [host.name, from ?? "nothing", what, send ? "to be sent" : "there already"];
}

/** What a deploy would do, hosts that get the same in one. */
export function wouldDo({ hosts }: RolloutPlan, environment: Environment): string[] {
  const groups = new Map<string, string[]>();
  for (const plan of hosts) {
    const steps = stepsOf(plan, environment).join(", ");
    groups.set(steps, [...(groups.get(steps) ?? []), plan.host.name]);
  }
  return [...groups].map(([steps, names]) => `would, on ${namesText(names)}: ${steps}`);
}

function stepsOf({ action, send, unpack, relup }: HostPlan, environment: Environment): string[] {
  const { writesEnv, systemd } = environment;
  const how = relup === undefined ? "" : ` by ${relup.strategy}`;
  const isUpgrade = action === "upgrade";
  return [
    ...(send ? ["send what it lacks"] : []),
    ...(unpack ? ["unpack"] : []),
    ...(writesEnv ? ["compare etc/env"] : []),
    ...(isUpgrade ? ["check"] : []),
    ...(systemd ? ["install the systemd unit"] : []),
    { install: "start", start: "start", upgrade: `upgrade${how}`, reload: "reload if it changed" }[
      action
    ],
    "ask its processes",
  ];
}

/** `version`: what runs where it went well. */
export function outcomeRow(outcome: HostOutcome, version: string): string[] {
  const { host, from, action, result, isStopped, sentBytes, report, ms } = outcome;
  const isNew = result === "done" || result === "unchanged" || wentOver(outcome);
  const runs = isNew ? (report?.to ?? version) : result === "unknown" ? "?" : (from ?? "nothing");
  const now = isStopped ? "nothing" : runs;
  const words = result === "done" ? DONE[action] : result;
  const pause = report === undefined ? "" : `pause ${msText(report.pauseMs)}`;
  const sent = sentBytes === 0 ? "" : formatBytes(sentBytes);
  return [host, from ?? "nothing", now, words, ms > 0 ? msText(ms) : "", pause, sent];
}

const DONE: Record<HostOutcome["action"], string> = {
  rollback: "rolled back",
  install: "installed",
  start: "started",
  upgrade: "upgraded",
  reload: "reloaded",
};

export function msText(ms: number): string {
  if (ms >= 10_000) return `${Math.round(ms / 1000)} s`;
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}
