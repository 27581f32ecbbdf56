/**
 * Where hosts change: wave after wave, the canaries first. A wave is begun only while every host done
 * so far is well; the first failure is the last wave. What becomes of those done is the policy's
 * (`onFailure`). What has begun on a host is always waited for.
 */

import { defined } from "../contract/checks.ts";
import { errorToJson, TsugiError } from "../contract/errors.ts";
import { stopwatch } from "../platform/clock.ts";
import type { Status } from "../protocol/report.ts";
import type { Deployment } from "./deployment.ts";
import type { Host } from "./host.ts";
import { askProcesses, change, healthy, undo } from "./hostSteps.ts";
import { refusedError } from "./outcome.ts";

/** What hosts said last of themselves, by name. */
type Statuses = Map<string, Status>;

export async function runWaves(deployment: Deployment): Promise<void> {
  const { request, hosts, plan, ledger } = deployment;
  const { emit, signal, environment } = request;
  const statuses: Statuses = new Map();
  const done: Host[] = [];
  for (const [index, names] of plan.waves.entries()) {
    if (signal.aborted || ledger.hasFailed) break;
    emit({ event: "wave", number: index + 1, count: plan.waves.length, hosts: names });
    const wave = hosts.filter((host) => names.includes(host.name));
    for (const { name } of wave) ledger.set(name, { wave: index + 1 });
    await Promise.all([
      ...wave.map((host) => changeHost(deployment, host, statuses)),
      ...done.map((host) => watch(deployment, host, statuses)),
    ]);
    done.push(...wave);
  }
  if (!ledger.hasFailed) await Promise.all(done.map((host) => verify(deployment, host, statuses)));
  // After an interrupt nothing is begun any more.
  if (ledger.hasFailed && !signal.aborted && environment.rollout.onFailure === "rollback") {
    await Promise.all(done.map((host) => goBack(deployment, host)));
  }
  await Promise.all(hosts.map((host) => lookAgain(deployment, host)));
}

async function changeHost(deployment: Deployment, host: Host, statuses: Statuses): Promise<void> {
  const { request, ledger, envChanged } = deployment;
  const plan = planOf(deployment, host);
  const ms = stopwatch();
  try {
    const how = { envChanged: envChanged.has(host.name), systemd: request.environment.systemd };
    const report = await change(host, plan, request.artefact, how);
    if (report !== undefined) ledger.set(host.name, { report });
    const status = await healthy(host, request.artefact);
    if (status !== undefined) statuses.set(host.name, status);
    const isUnchanged = plan.action === "reload" && report === undefined;
    const result = isUnchanged ? "unchanged" : "done";
    ledger.set(host.name, { result, ms: ms() });
    if (!isUnchanged) await deployment.hook("afterHost", host.name);
  } catch (error) {
    if (!deployment.checksFirst && Reflect.get(error as object, "isRefusal") === true) {
      throw refusedError([{ host: host.name, error: errorToJson(error) }]);
    }
    ledger.fail(host.name, error);
    ledger.set(host.name, { ms: ms() });
  }
}

/** Healthy in its probation is not healthy for ever. */
async function watch({ request, ledger }: Deployment, host: Host, statuses: Statuses) {
  try {
    const before = statuses.get(host.name);
    const status = await healthy(host, request.artefact);
    if (status === undefined || before === undefined) return;
    statuses.set(host.name, status);
    const more = restartsIn(status) - restartsIn(before);
    if (more <= 0) return;
    const problem = `its processes were restarted ${more} times since it was done`;
    const next = `Look there: tsugi logs ${host.environment} --host ${host.name}`;
    throw new TsugiError("TSUGI_HOST_REFUSED", { host: host.name, problem, next });
  } catch (error) {
    if (!request.signal.aborted) ledger.fail(host.name, error);
  }
}

async function verify({ request, ledger }: Deployment, host: Host, statuses: Statuses) {
  const status = statuses.get(host.name);
  if (status === undefined) return;
  try {
    await askProcesses(host, request.artefact, status);
  } catch (error) {
    ledger.fail(host.name, error);
  }
}

/** A host that has failed by itself serves its old version already; one that fell ill later does not. */
async function goBack(deployment: Deployment, host: Host): Promise<void> {
  const { ledger } = deployment;
  const { report, result, error } = ledger.of(host.name);
  const isChanged = report !== undefined && result !== "unchanged" && result !== "unknown";
  if (!isChanged) return;
  try {
    await undo(host, planOf(deployment, host));
    ledger.set(host.name, { result: "rolled back", ...defined({ error }) });
  } catch (problem) {
    ledger.fail(host.name, problem);
  }
}

/** One that has failed may have lost its supervisor with it: nothing goes on there then. */
async function lookAgain({ ledger }: Deployment, host: Host): Promise<void> {
  if (ledger.of(host.name).result !== "failed") return;
  // One that does not answer any more is not known to be stopped.
  if (await host.isStopped().catch(() => false)) ledger.set(host.name, { isStopped: true });
}

const planOf = ({ plan }: Deployment, host: Host) =>
  plan.hosts.find((one) => one.host.name === host.name)!;

const restartsIn = ({ processes }: Status): number =>
  processes.flatMap(({ slots }) => slots).reduce((sum, { restarts }) => sum + restarts, 0);
