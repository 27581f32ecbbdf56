/**
 * A deploy: from what hosts say to a release that runs on all of them. The order is the promise:
 *
 *   facts      every host is asked                        ┐ nothing is changed anywhere; one that
 *   obtain     the release is built, or fetched           │ can't take it refuses for all
 *   plan       one action a host, or why it can't be      ┘
 *   lock       the first host first: of two, one wins
 *   prepare    send, unpack, etc/env beside the old one   ┐ all hosts at once; nothing that runs
 *   check      the new version loaded and thrown away     ┘ notices; one failure stops here. Where there is
 *              one host only, its upgrade says the same
 *   ── from here on hosts change ──
 *   waves      canary, then batches (waves.ts)
 *   verify     the running processes are asked their version
 *   account    on every host: who, what, from, to, report
 *
 * Each step can be done again, so the same command goes on where another one has ended.
 */

import { defined } from "../contract/checks.ts";
import { errorToJson } from "../contract/errors.ts";
import type { DeployCall, Deployment, DeployRequest } from "./deployment.ts";
import { envText } from "./envText.ts";
import type { HostFacts } from "./facts.ts";
import { withHosts } from "./fleet.ts";
import { runHook } from "./hooks.ts";
import type { Host } from "./host.ts";
import { account, check, prepare, stage } from "./hostSteps.ts";
import { interruptedError } from "./interrupted.ts";
import { Ledger } from "./ledger.ts";
import { holdLocks, lockNotes } from "./lock.ts";
import { type DeployResult, refusedError, stoppedError } from "./outcome.ts";
import {
  type Artefact,
  type AskedHost,
  type HostPlan,
  planRollout,
  type RolloutPlan,
  unfitHosts,
} from "./rollout.ts";
import { settle } from "./settle.ts";
import { runWaves } from "./waves.ts";

/** After an interrupt, for what hosts are still told. */
const LAST_WORDS_MS = 5_000;

/**
 * @returns what became of every host, also when some have failed (`error`); undefined if not confirmed
 * @throws TSUGI_DEPLOY_REFUSED and others, while nothing is changed
 */
export async function deploy(call: DeployCall): Promise<DeployResult | undefined> {
  const { environment, app, signal } = call;
  return withHosts(environment, app, call, async (hosts) => {
    try {
      return await planAndCarryOut(call, hosts);
    } catch (error) {
      throw signal.aborted ? interruptedError(hosts, environment.name) : error;
    }
  });
}

async function planAndCarryOut(call: DeployCall, hosts: Host[]): Promise<DeployResult | undefined> {
  const { environment, signal } = call;
  const asked = await askAll(call, hosts);
  const artefact = await call.obtain();
  signal.throwIfAborted();
  const request = { ...call, artefact };
  const { name, version } = artefact.manifest;
  const plan = makePlan(request, asked);
  await readyToSend(plan, artefact);
  if (!(await request.confirm(plan, version))) return undefined;
  signal.throwIfAborted();
  const reason = `tsugi deploy ${environment.name}: ${name} ${version}`;
  const bootOf = (host: string) => plan.hosts.find((one) => one.host.name === host)!.facts.boot;
  const locking = { reason, environment: environment.name, bootOf };
  return holdLocks(hosts, locking, () => carryOut(deploymentOf(request, hosts, plan)));
}

/** What is wrong with a host whatever is to be done there is said before anything is built. */
async function askAll(
  { environment, dryRun, emit }: DeployCall,
  hosts: Host[],
): Promise<AskedHost[]> {
  const { answers, failures } = await settle(hosts, (host) => host.facts());
  const asked = answers.map(({ host, value }) => ({ host: host.spec, facts: value }));
  const { systemd, name } = environment;
  const refusals = [...failures, ...unfitHosts(asked, { systemd, environment: name, dryRun })];
  if (refusals.length > 0) throw refusedError(refusals);
  if (dryRun) for (const text of lockNotes(asked)) emit({ event: "note", text });
  return asked;
}

function makePlan(request: DeployRequest, asked: AskedHost[]): RolloutPlan {
  const { artefact, environment, planUpgrade, allowRestart, emit } = request;
  const { name, rollout } = environment;
  const options = { environment: name, rollout, allowRestart, planUpgrade };
  const plan = planRollout(artefact, asked, options);
  emit({ event: "plan", plan });
  if (plan.refusals.length > 0) throw refusedError(plan.refusals);
  return plan;
}

/** What is wrong with the file is said before it is asked for; of what goes as a delta, the rest is not read. */
async function readyToSend({ hosts }: RolloutPlan, artefact: Artefact): Promise<void> {
  const sent = hosts.filter(({ send }) => send);
  const deltas = sent.map(({ action, facts }) =>
    action === "install" ? undefined : artefact.deltaFor?.(facts).catch(() => undefined),
  );
  if ((await Promise.all(deltas)).includes(undefined)) await artefact.verify();
}

function deploymentOf(request: DeployRequest, hosts: Host[], plan: RolloutPlan): Deployment {
  const { environment, artefact, folder, emit } = request;
  const { name, version } = artefact.manifest;
  const isDry = hosts.some((host) => host.transport.isDry);
  return {
    request,
    hosts,
    plan,
    isDry,
    checksFirst: checksFirst(request, plan),
    ledger: new Ledger(environment.name, artefact, plan.hosts),
    envChanged: new Set(),
    hook: async (hook, host) => {
      if (isDry) return;
      const from = plan.hosts.find((one) => one.host.name === host)?.from;
      const moment = {
        environment: environment.name,
        name,
        version,
        hosts: hosts.map((one) => one.name),
        ...(host === undefined ? {} : { host, from: from ?? null }),
      };
      const say = (text: string) => emit({ event: "note", text });
      await runHook(environment.hooks, hook, moment, folder, say);
    },
  };
}

/** What runs before a new version is loaded (hooks of its appup, a unit) is not run for one that can't be. */
function checksFirst({ environment, artefact }: DeployRequest, { hosts }: RolloutPlan): boolean {
  const [{ relup }, ...others] = hosts as [HostPlan];
  if (others.length > 0 || environment.systemd || artefact.manifest.kind !== "node") return true;
  return relup?.instructions.every(({ op }) => op !== "before") !== true;
}

async function carryOut(deployment: Deployment): Promise<DeployResult> {
  const { request, ledger, hook, isDry } = deployment;
  const { environment, artefact } = request;
  const { name, version } = artefact.manifest;
  await hook("beforeDeploy");
  try {
    await prepareAll(deployment);
    await runWaves(deployment);
  } finally {
    await writeAccounts(deployment);
  }
  const stopped = stoppedError(ledger.outcomes, version, environment.name);
  const isInterrupted = stopped !== undefined && request.signal.aborted;
  const error = isInterrupted ? interruptedIn(deployment) : stopped;
  if (error === undefined) await hook("afterDeploy");
  return {
    environment: environment.name,
    name,
    version,
    releaseId: artefact.releaseId,
    hosts: ledger.outcomes,
    ms: ledger.ms(),
    ...(isDry ? { dryRun: true as const } : {}),
    ...defined({ error: error && errorToJson(error) }),
  };
}

function interruptedIn({ hosts, ledger, request: { environment } }: Deployment) {
  const isTaken = environment.rollout.onFailure === "rollback";
  const done = ledger.outcomes.filter(({ result }) => isTaken && result === "done");
  return interruptedError(
    hosts,
    environment.name,
    done.map(({ host }) => host),
  );
}

/** All hosts at once; a failure of one is a refusal for all. */
async function prepareAll(deployment: Deployment): Promise<void> {
  const { request, hosts, plan, envChanged, ledger } = deployment;
  const { artefact, signal, environment, secrets } = request;
  const onAll = async (body: (host: Host, at: number) => Promise<unknown>) => {
    const { failures } = await settle(hosts, body);
    signal.throwIfAborted();
    if (failures.length > 0) throw refusedError(failures);
  };
  await onAll(async (host, at) => {
    const sentBytes = await prepare(host, plan.hosts[at]!, artefact, signal);
    ledger.set(host.name, { sentBytes });
    if (!environment.writesEnv) return;
    const text = envText({ ...host.spec.env, ...secrets });
    if (await stage(host, text)) envChanged.add(host.name);
  });
  if (deployment.checksFirst) await onAll((host, at) => check(host, plan.hosts[at]!, artefact));
}

/** A host that can't be told any more still has its own log of upgrades. */
async function writeAccounts({ request, hosts, plan, ledger }: Deployment): Promise<void> {
  const signal = request.signal.aborted ? AbortSignal.timeout(LAST_WORDS_MS) : undefined;
  await settle(hosts, async (host, at) => {
    const { result } = ledger.of(host.name);
    // What goes on there needs what an account clears away.
    if (host.cutOff !== undefined && result !== "done") return;
    const isTold = result === "unchanged" && tellsIt(plan.hosts[at]!.facts, ledger);
    if (result !== "unknown" && !isTold) await account(host, ledger.record(host.name), signal);
  });
}

/** A deploy that broke off has changed a host and not written it down. */
const tellsIt = ({ deploys }: HostFacts, { releaseId }: Ledger): boolean => {
  const last = deploys.at(-1);
  return last?.releaseId === releaseId && /^(done|unchanged)$/.test(last.result);
};
