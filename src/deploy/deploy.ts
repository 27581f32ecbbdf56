/**
 * A deploy: from what hosts say to a release that runs on all of them. The order is the promise:
 *
 *   facts      every host is asked                        ┐ nothing is changed anywhere; one that
 *   plan       one action a host, or why it can't be      ┘ can't take it refuses for all
 *   lock       the first host first: of two, one wins
 *   prepare    send, unpack, etc/env beside the old one   ┐ all hosts at once; nothing that runs
 *   check      the new version loaded and thrown away     ┘ notices; one failure stops here
 *   ── from here on hosts change ──
 *   waves      canary, then batches: upgrade, verify; the hosts done are looked at before each
 *   account    on every host: who, what, from, to, report
 *
 * Each step can be done again, so the same command goes on where another one has ended.
 */
import type { DeployHooks } from "../config/schema.ts";
import { errorToJson, type TsugiError } from "../errors.ts";
import { isoNow, stopwatch } from "../platform/clock.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Plan } from "../relup/index.ts";
import { DEPLOY_RECORD_FORMAT, type DeployRecord } from "./audit.ts";
import type { Environment, HostSpec } from "./environment.ts";
import { envText } from "./envText.ts";
import type { Report } from "./events.ts";
import { runHook } from "./hooks.ts";
import { Host } from "./host.ts";
import { account, change, check, prepare, stage, undo, verify } from "./hostSteps.ts";
import { HeldLock, whoAmI } from "./lock.ts";
import {
  type DeployResult,
  failure,
  type HostOutcome,
  refusedError,
  stoppedError,
} from "./outcome.ts";
import { type Artefact, type HostPlan, planRollout, type RolloutPlan } from "./rollout.ts";
import type { Transport } from "./transport/index.ts";

export interface DeployRequest {
  environment: Environment;
  artefact: Artefact;
  secrets: Record<string, string>;
  /** Of the project: where hooks run. */
  folder: string;
  planUpgrade: (from: Manifest, to: Manifest) => Plan;
  open: (host: HostSpec) => Transport;
  /** False gives it up, with nothing changed. */
  confirm: (plan: RolloutPlan) => Promise<boolean>;
  signal: AbortSignal;
  report: Report;
}

/**
 * @returns what became of every host, also when some have failed (`error`); undefined if not confirmed
 * @throws TSUGI_DEPLOY_REFUSED and others, while nothing is changed
 */
export async function deploy(request: DeployRequest): Promise<DeployResult | undefined> {
  const { environment, artefact, open, report } = request;
  const { name } = artefact.manifest;
  const hosts = environment.hosts.map(
    (spec) => new Host(spec, name, open(spec), environment.name, report),
  );
  try {
    const plan = await makePlan(request, hosts);
    if (!(await request.confirm(plan))) return undefined;
    return await whileLocked(hosts, request, () => new Deployment(request, hosts, plan).run());
  } finally {
    await Promise.all(hosts.map((host) => host.transport.close()));
  }
}

async function makePlan(request: DeployRequest, hosts: Host[]): Promise<RolloutPlan> {
  const { artefact, environment, planUpgrade, report } = request;
  const answers = await Promise.allSettled(hosts.map((host) => host.facts()));
  const asked = answers.flatMap((answer, index) =>
    answer.status === "fulfilled" ? [{ host: hosts[index]!.spec, facts: answer.value }] : [],
  );
  const silent = answers.flatMap((answer, index) =>
    answer.status === "rejected"
      ? [{ host: hosts[index]!.name, error: errorToJson(answer.reason) }]
      : [],
  );
  const { rollout, systemd } = environment;
  const options = { environment: environment.name, rollout, systemd, planUpgrade };
  const plan = planRollout(artefact, asked, options);
  report({ event: "plan", plan });
  const refusals = [...silent, ...plan.refusals];
  if (refusals.length > 0) throw refusedError(refusals);
  return plan;
}

/** The first host's lock before all others: of two who deploy at once, one gets all, one none. */
async function whileLocked<T>(
  hosts: Host[],
  { environment, artefact, signal }: DeployRequest,
  body: () => Promise<T>,
): Promise<T> {
  const { name, version } = artefact.manifest;
  const locks: HeldLock[] = [];
  const take = async (host: Host) => {
    const reason = `tsugi deploy ${environment.name}: ${name} ${version}`;
    locks.push(
      await host.step("lock", () =>
        HeldLock.take(host.transport, host.layout, reason, environment.name),
      ),
    );
  };
  try {
    signal.throwIfAborted();
    const [first, ...others] = hosts;
    await take(first!);
    const taken = await Promise.allSettled(others.map(take));
    const refused = taken.find((one) => one.status === "rejected");
    if (refused !== undefined) throw refused.reason;
    return await body();
  } finally {
    await Promise.all(locks.map((lock) => lock.release()));
  }
}

class Deployment {
  readonly #request: DeployRequest;
  readonly #hosts: Host[];
  readonly #plan: RolloutPlan;
  readonly #outcomes = new Map<string, HostOutcome>();
  readonly #envChanged = new Map<string, boolean>();
  /** Restarts of all processes when a host was verified. */
  readonly #restarts = new Map<string, number>();
  readonly #at = isoNow();
  readonly #ms = stopwatch();

  constructor(request: DeployRequest, hosts: Host[], plan: RolloutPlan) {
    this.#request = request;
    this.#hosts = hosts;
    this.#plan = plan;
    for (const { host, action, from, send } of plan.hosts) {
      const sentBytes = send ? request.artefact.bytes : 0;
      const outcome = { host: host.name, action, from, result: "not reached" as const };
      this.#outcomes.set(host.name, { ...outcome, sentBytes, ms: 0 });
    }
  }

  async run(): Promise<DeployResult> {
    await this.#hook("beforeDeploy");
    try {
      await this.#prepareAll();
      await this.#waves();
    } finally {
      await this.#accounts();
    }
    const error = this.#error();
    if (error === undefined) await this.#hook("afterDeploy");
    const { environment, artefact } = this.#request;
    const { name, version } = artefact.manifest;
    return {
      environment: environment.name,
      name,
      version,
      releaseId: artefact.releaseId,
      hosts: [...this.#outcomes.values()],
      ms: this.#ms(),
      ...(error === undefined ? {} : { error: errorToJson(error) }),
    };
  }

  /** All hosts at once; a failure of one is a refusal for all. */
  async #prepareAll(): Promise<void> {
    const { artefact, signal } = this.#request;
    await this.#all(async (host, plan) => {
      await prepare(host, plan, artefact, signal);
      await this.#stage(host);
    });
    signal.throwIfAborted();
    await this.#all((host, plan) => check(host, plan, artefact));
    signal.throwIfAborted();
  }

  async #stage(host: Host): Promise<void> {
    const { environment, secrets } = this.#request;
    if (!environment.writesEnv) return;
    const text = envText({ ...host.spec.env, ...secrets });
    this.#envChanged.set(host.name, await stage(host, text));
  }

  async #all(body: (host: Host, plan: HostPlan) => Promise<unknown>): Promise<void> {
    const settled = await Promise.allSettled(
      this.#hosts.map((host) => body(host, this.#planOf(host))),
    );
    const refusals = settled.flatMap((one, index) =>
      one.status === "rejected"
        ? [{ host: this.#hosts[index]!.name, error: errorToJson(one.reason) }]
        : [],
    );
    this.#request.signal.throwIfAborted();
    if (refusals.length > 0) throw refusedError(refusals);
  }

  async #waves(): Promise<void> {
    const { report, signal, environment } = this.#request;
    const { waves } = this.#plan;
    for (const [index, names] of waves.entries()) {
      if (signal.aborted) return;
      const isHealthy = await this.#watch();
      if (!isHealthy) break;
      report({ event: "wave", number: index + 1, count: waves.length, hosts: names });
      await Promise.all(names.map((name) => this.#changeHost(this.#host(name))));
      if (this.#hasFailed()) break;
    }
    if (!this.#hasFailed()) await this.#watch();
    if (this.#hasFailed() && environment.rollout.onFailure === "rollback") await this.#undoAll();
  }

  async #changeHost(host: Host): Promise<void> {
    const { artefact, environment } = this.#request;
    const plan = this.#planOf(host);
    const ms = stopwatch();
    try {
      const envChanged = this.#envChanged.get(host.name) ?? false;
      const { systemd } = environment;
      const report = await change(host, plan, artefact, { envChanged, systemd });
      const status = await verify(host, artefact);
      const isUnchanged = plan.action === "reload" && report === undefined;
      this.#restarts.set(host.name, restartsIn(status));
      this.#set(host, {
        result: isUnchanged && !host.transport.isDry ? "unchanged" : "done",
        ms: ms(),
        ...(report === undefined ? {} : { report }),
      });
      if (!isUnchanged) await this.#hook("afterHost", plan);
    } catch (error) {
      this.#set(host, { ...failure(error), ms: ms() });
    }
  }

  /** @returns whether the hosts done so far are as well as they were */
  async #watch(): Promise<boolean> {
    const done = this.#hosts.filter((host) => this.#outcomes.get(host.name)!.result === "done");
    const settled = await Promise.allSettled(
      done.map(async (host) => {
        const status = await verify(host, this.#request.artefact);
        const more = restartsIn(status) - this.#restarts.get(host.name)!;
        if (more > 0) throw new Error(`${host.name} has restarted ${more} times since its upgrade`);
      }),
    );
    for (const [index, one] of settled.entries()) {
      if (one.status === "rejected") this.#set(done[index]!, { ...failure(one.reason) });
    }
    return settled.every((one) => one.status === "fulfilled");
  }

  /** Also hosts that fell ill after they were done. */
  async #undoAll(): Promise<void> {
    const changed = this.#hosts.filter((host) => this.#restarts.has(host.name));
    await Promise.all(
      changed.map(async (host) => {
        const { result } = this.#outcomes.get(host.name)!;
        if (result === "unchanged" || result === "unknown") return;
        try {
          await undo(host, this.#planOf(host));
          this.#set(host, { result: "rolled back" });
        } catch (error) {
          this.#set(host, failure(error));
        }
      }),
    );
  }

  /** Where a host can't be told any more, its own log of upgrades still has what happened there. */
  async #accounts(): Promise<void> {
    await Promise.allSettled(
      this.#hosts.map(async (host) => {
        const outcome = this.#outcomes.get(host.name)!;
        if (outcome.result === "unchanged" || outcome.result === "unknown") return;
        await account(host, this.#record(outcome));
      }),
    );
  }

  #record(outcome: HostOutcome): DeployRecord {
    const { environment, artefact } = this.#request;
    const { action, from, result, report, error } = outcome;
    return {
      format: DEPLOY_RECORD_FORMAT,
      at: this.#at,
      by: whoAmI(),
      environment: environment.name,
      action,
      from,
      to: artefact.manifest.version,
      releaseId: artefact.releaseId,
      result,
      ms: Math.round(this.#ms()),
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
      ...(report === undefined ? {} : { report }),
    };
  }

  async #hook(hook: keyof DeployHooks, plan?: HostPlan): Promise<void> {
    const { environment, artefact, folder, report } = this.#request;
    if (this.#hosts.some((host) => host.transport.isDry)) return;
    const { name, version } = artefact.manifest;
    const moment = {
      environment: environment.name,
      name,
      version,
      hosts: this.#hosts.map((host) => host.name),
      ...(plan === undefined ? {} : { host: plan.host.name, from: plan.from }),
    };
    const say = (text: string) => report({ event: "note", text });
    await runHook(environment.hooks, hook, moment, folder, say);
  }

  #error(): TsugiError | undefined {
    const { artefact, environment } = this.#request;
    const outcomes = [...this.#outcomes.values()];
    return stoppedError(outcomes, artefact.manifest.version, environment.name);
  }

  #set(host: Host, change: Partial<HostOutcome>): void {
    this.#outcomes.set(host.name, { ...this.#outcomes.get(host.name)!, ...change });
  }

  #hasFailed(): boolean {
    return [...this.#outcomes.values()].some(({ error }) => error !== undefined);
  }

  #host(name: string): Host {
    return this.#hosts.find((host) => host.name === name)!;
  }

  #planOf(host: Host): HostPlan {
    return this.#plan.hosts.find((plan) => plan.host.name === host.name)!;
  }
}

const restartsIn = (status: Awaited<ReturnType<typeof verify>>): number =>
  (status?.processes ?? [])
    .flatMap(({ slots }) => slots)
    .reduce((sum, { restarts }) => sum + restarts, 0);
