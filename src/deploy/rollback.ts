/** `tsugi rollback`: every host back to the version that was permanent there before, wave by wave. */
import { errorToJson, TsugiError } from "../contract/errors.ts";
import { isoNow, stopwatch } from "../platform/clock.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import { DEPLOY_RECORD_FORMAT } from "./audit.ts";
import type { Environment } from "./environment.ts";
import type { Report } from "./events.ts";
import type { HostFacts } from "./facts.ts";
import type { Host } from "./host.ts";
import { account } from "./hostSteps.ts";
import { holdLocks, whoAmI } from "./lock.ts";
import { failure, type HostOutcome, refusedError } from "./outcome.ts";
import { wavesOf } from "./rollout.ts";
import { settle } from "./settle.ts";

export interface RollbackResult {
  environment: string;
  hosts: HostOutcome[];
  ms: number;
}

/** @throws TSUGI_DEPLOY_REFUSED where one of them has nothing to go back to; then none does */
export async function rollback(
  environment: Environment,
  hosts: Host[],
  { report, signal }: { report: Report; signal: AbortSignal },
): Promise<RollbackResult> {
  const { answers, failures } = await settle(hosts, (host) => host.facts());
  const refusals = answers.flatMap(({ host, value }) => {
    const error = whyNot(host, value);
    return error === undefined ? [] : [{ host: host.name, error: errorToJson(error) }];
  });
  if (failures.length + refusals.length > 0) throw refusedError([...failures, ...refusals]);
  const ms = stopwatch();
  const outcomes = new Map<string, HostOutcome>();
  for (const { host, value } of answers) {
    const from = value.status!.version;
    const outcome = { host: host.name, action: "rollback" as const, from, sentBytes: 0, ms: 0 };
    outcomes.set(host.name, { ...outcome, result: "not reached" });
  }
  const names = hosts.map((host) => host.name);
  const reason = `tsugi rollback ${environment.name}`;
  const bootOf = (name: string) => answers.find(({ host }) => host.name === name)!.value.boot;
  const locking = { reason, environment: environment.name, bootOf };
  await holdLocks(hosts, locking, async () => {
    const waves = wavesOf(names, environment.rollout);
    for (const [index, wave] of waves.entries()) {
      const isStopped = [...outcomes.values()].some(({ error }) => error !== undefined);
      if (isStopped || signal.aborted) break;
      report({ event: "wave", number: index + 1, count: waves.length, hosts: wave });
      const chosen = hosts.filter((host) => wave.includes(host.name));
      await Promise.all(
        chosen.map(async (host) => {
          const outcome = await goBack(host, outcomes.get(host.name)!, environment.name);
          outcomes.set(host.name, outcome);
        }),
      );
    }
  });
  return { environment: environment.name, hosts: [...outcomes.values()], ms: ms() };
}

function whyNot(host: Host, { status, releases }: HostFacts): TsugiError | undefined {
  const { name, root, bin } = host.layout;
  if (status === undefined) return new TsugiError("TSUGI_NOT_RUNNING", { name, root, bin });
  const isThere = releases.some((entry) => entry.status === "old" && entry.committed !== undefined);
  if (isThere || status.status === "current") return undefined;
  return new TsugiError("TSUGI_NOTHING_TO_ROLL_BACK_TO", { version: status.version, bin });
}

async function goBack(host: Host, outcome: HostOutcome, environment: string): Promise<HostOutcome> {
  const ms = stopwatch();
  const at = isoNow();
  const finish = async (change: Partial<HostOutcome>): Promise<HostOutcome> => {
    const { from, result, error, report } = { ...outcome, ...change };
    const record = { format: DEPLOY_RECORD_FORMAT, at, by: whoAmI(), environment };
    const what = { action: "rollback", from, to: report?.to ?? null, result, error, report };
    await account(host, { ...record, ...what, ms: Math.round(ms()) }).catch(() => {});
    return { ...outcome, ...change, ms: ms() };
  };
  try {
    const report = await host.step("rollback", () => host.app<UpgradeReport>(["rollback"]));
    return await finish({ result: "done", ...(report === undefined ? {} : { report }) });
  } catch (error) {
    return await finish(failure(error));
  }
}
