/**
 * `tsugi rollback`: what the last deploy has changed goes back (undo.ts), wave by wave. As with a deploy,
 * one host that can't refuses for all, and nothing is changed before somebody has said yes.
 */

import { defined } from "../contract/checks.ts";
import { type ErrorJson, errorToJson } from "../contract/errors.ts";
import { isoNow, stopwatch } from "../platform/clock.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import { rollbackTargetOf } from "../release/status.ts";
import { DEPLOY_RECORD_FORMAT } from "./audit.ts";
import type { Environment } from "./environment.ts";
import type { Emit } from "./events.ts";
import { bootVersion, type HostFacts } from "./facts.ts";
import type { Host } from "./host.ts";
import { account } from "./hostSteps.ts";
import { interruptedError } from "./interrupted.ts";
import { holdLocks, lockNotes, whoAmI } from "./lock.ts";
import { failure, type HostOutcome, refusedError } from "./outcome.ts";
import { wavesOf } from "./rollout.ts";
import { settle } from "./settle.ts";
import { planUndo, type UndoPlan } from "./undo.ts";

export interface RollbackRequest {
  environment: Environment;
  /** Every host goes there, in place of what the last deploy has changed. */
  to?: string;
  /** False gives it up, with nothing changed. */
  confirm: (plan: UndoPlan) => Promise<boolean>;
  /** No host is changed. */
  dryRun: boolean;
  emit: Emit;
  signal: AbortSignal;
}

export interface RollbackResult {
  environment: string;
  plan: UndoPlan;
  hosts: HostOutcome[];
  ms: number;
  error?: ErrorJson;
}

/** @throws TSUGI_DEPLOY_REFUSED where one of them can't go back; then none does */
export async function rollback(
  request: RollbackRequest,
  hosts: Host[],
): Promise<RollbackResult | undefined> {
  const { environment, emit, signal } = request;
  try {
    return await planAndCarryOut(request, hosts, emit);
  } catch (error) {
    throw signal.aborted ? interruptedError(hosts, environment.name) : error;
  }
}

async function planAndCarryOut(
  request: RollbackRequest,
  hosts: Host[],
  emit: Emit,
): Promise<RollbackResult | undefined> {
  const { environment, confirm, dryRun, signal } = request;
  const { answers, failures } = await settle(hosts, (host) => host.facts());
  if (failures.length > 0) throw refusedError(failures);
  const asked = answers.map(({ host, value }) => ({ host: host.spec, facts: value }));
  if (dryRun) for (const text of lockNotes(asked)) emit({ event: "note", text });
  const plan = planUndo(asked, environment.name, request.to);
  emit({ event: "rollbackPlan", plan });
  if (plan.refusals.length > 0) throw refusedError(plan.refusals);
  if (!(await confirm(plan))) return undefined;
  signal.throwIfAborted();
  const ms = stopwatch();
  const factsOf = (name: string) => answers.find(({ host }) => host.name === name)!.value;
  const chosen = hosts.filter(({ name }) => targetOf(plan, name) !== null);
  const outcomes = new Map<string, HostOutcome>();
  for (const { name } of chosen) {
    const outcome = {
      host: name,
      action: "rollback" as const,
      from: bootVersion(factsOf(name)) ?? null,
    };
    outcomes.set(name, { ...outcome, result: "not reached", sentBytes: 0, ms: 0 });
  }
  const reason = `tsugi rollback ${environment.name}`;
  const bootOf = (name: string) => factsOf(name).boot;
  if (chosen.length > 0) {
    await holdLocks(chosen, { reason, environment: environment.name, bootOf }, () =>
      inWaves(request, chosen, outcomes, (host) =>
        goBack(host, plan, factsOf(host.name), outcomes.get(host.name)!, request),
      ),
    );
  }
  const all = [...outcomes.values()];
  const failed = all.find(({ error }) => error !== undefined)?.error;
  const error = signal.aborted ? errorToJson(interruptedError(hosts, environment.name)) : failed;
  const common = { environment: environment.name, plan, hosts: all, ms: ms() };
  return { ...common, ...defined({ error }) };
}

const targetOf = ({ hosts }: UndoPlan, name: string): string | null =>
  hosts.find(({ host }) => host === name)!.to;

async function inWaves(
  { environment, emit, signal }: RollbackRequest,
  hosts: Host[],
  outcomes: Map<string, HostOutcome>,
  body: (host: Host) => Promise<HostOutcome>,
): Promise<void> {
  const names = hosts.map(({ name }) => name);
  const waves = wavesOf(names, environment.rollout);
  for (const [index, wave] of waves.entries()) {
    const isStopped = [...outcomes.values()].some(({ error }) => error !== undefined);
    if (isStopped || signal.aborted) break;
    emit({ event: "wave", number: index + 1, count: waves.length, hosts: wave });
    const chosen = hosts.filter(({ name }) => wave.includes(name));
    await Promise.all(chosen.map(async (host) => outcomes.set(host.name, await body(host))));
  }
}

async function goBack(
  host: Host,
  plan: UndoPlan,
  facts: HostFacts,
  outcome: HostOutcome,
  { environment, signal }: RollbackRequest,
): Promise<HostOutcome> {
  const ms = stopwatch();
  const at = isoNow();
  const to = targetOf(plan, host.name)!;
  const argv = commandFor(to, facts);
  const finish = async (change: Partial<HostOutcome>): Promise<HostOutcome> => {
    const { from, result, error, report } = { ...outcome, ...change };
    const record = {
      format: DEPLOY_RECORD_FORMAT,
      at,
      by: whoAmI(),
      environment: environment.name,
    };
    const what = { action: "rollback", from, to: report?.to ?? to, result, error, report };
    const undoes = plan.deploy === undefined ? {} : { undoes: plan.deploy };
    const text = { ...record, ...what, ...undoes, ms: Math.round(ms()) };
    if (host.cutOff === undefined) await account(host, text).catch(() => {});
    return { ...outcome, ...change, ms: ms() };
  };
  try {
    signal.throwIfAborted();
    const report = await host.step("rollback", () => host.app<UpgradeReport>(argv));
    // Of a start there is none.
    const isReport = facts.status !== undefined;
    return await finish({ result: "done", ...(isReport ? defined({ report }) : {}) });
  } catch (error) {
    return await finish(failure(error));
  }
}

/** `rollback` where that is where the host goes by itself: it remembers then that it was one. */
function commandFor(to: string, { status, releases }: HostFacts): string[] {
  const permanent = releases.find((entry) => entry.status === "permanent")?.version;
  const byItself = status?.status === "current" ? permanent : rollbackTargetOf(releases)?.version;
  if (byItself === to) return ["rollback"];
  return status === undefined ? ["start", "--version", to] : ["downgrade", to];
}
