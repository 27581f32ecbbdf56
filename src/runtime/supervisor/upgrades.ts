/**
 * At most one upgrade at a time. Whoever asks for the one that is under way is attached to it
 * (underWay.ts). Whoever asks for another one is refused, or, when only the old version has to end
 * yet, waits for that.
 */
import { errorFromJson, errorOf, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { fault } from "../../platform/faults.ts";
import type { ControlEvent, UpgradeOptions } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { type Plan, replacesSupervisor } from "../../relup/instructions.ts";
import { factsOf } from "./facts.ts";
import { checkWorkers } from "./health.ts";
import type { UpgradeJob } from "./job.ts";
import { emptyReport } from "./report.ts";
import type { Supervisor } from "./supervisor.ts";
import { whyNoSwap } from "./swapRefusal.ts";
import { type Kind, UnderWay } from "./underWay.ts";
import { runUpgrade } from "./upgrade.ts";

export interface UpgradeRequest {
  version: string;
  options: UpgradeOptions;
  /** The same release with `etc/` read again. */
  reload?: boolean;
  /** What runs now is not to be gone back to by itself. */
  rollback?: boolean;
}

type Decision = "commit" | "handBack";

export class Upgrades {
  readonly #supervisor: Supervisor;
  #underWay: UnderWay | null = null;
  /** An `install` that waits for `commit` or `rollback`. */
  #decide: ((decision: Decision) => void) | null = null;
  /** Ends what an appup runs. */
  readonly #stop = new AbortController();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** Null also while nothing is left but the end of the old version. */
  get status(): { to: string; step: string } | null {
    if (this.#underWay === null || this.#underWay.isRetiring) return null;
    return { to: this.#underWay.version, step: this.#underWay.step };
  }

  /** An `install` is waiting for its `commit`. */
  get installed(): boolean {
    return this.#decide !== null;
  }

  async run(request: UpgradeRequest, send: (event: ControlEvent) => void): Promise<UpgradeReport> {
    await this.#oldEnded(request, send);
    const underWay = this.#underWay;
    if (underWay !== null && !this.#isSameWish(underWay, request)) throw this.#refusal(underWay);
    const joined = underWay ?? this.#begin(request);
    const report = await joined.attend(send, { wait: request.options.wait === true });
    if (report.error === undefined) return report;
    throw Object.assign(errorFromJson(report.error), { report });
  }

  /** What is asked for begins after it. The same upgrade again is only told how it went. */
  async #oldEnded(request: UpgradeRequest, send: (event: ControlEvent) => void): Promise<void> {
    const underWay = this.#underWay;
    if (!underWay?.isRetiring) return;
    if (kindOf(request) !== "reload" && this.#isSameWish(underWay, request)) return;
    const { version } = this.#supervisor.retiring ?? underWay;
    const text = `begins when what ${version} still answers has ended`;
    this.#supervisor.note(`${wishOf(request)}: ${text}`);
    send({ event: "line", text });
    await underWay.finished.catch(() => {});
  }

  /** Resolves when no upgrade is under way any more: a stop waits for it or ends it. */
  async settle(): Promise<void> {
    this.#decide?.("handBack");
    this.#stop.abort();
    await this.#underWay?.finished.catch(() => {});
  }

  /** `commit` or `rollback` of an installed release; resolves with the report. */
  async decide(decision: Decision): Promise<UpgradeReport | null> {
    if (this.#decide === null || this.#underWay === null) return null;
    const { told } = this.#underWay;
    this.#decide(decision);
    return told;
  }

  /** `upgrade` of what `install` has left uncommitted goes on with it. */
  #isSameWish(underWay: UnderWay, request: UpgradeRequest): boolean {
    if (underWay.version !== request.version) return false;
    if (underWay.kind === kindOf(request)) return true;
    const completes = underWay.kind === "install" && kindOf(request) === "upgrade";
    if (!completes) return false;
    // Also where it has not come as far yet: nobody else would decide.
    underWay.kind = "upgrade";
    this.#decide?.("commit");
    return true;
  }

  #refusal(underWay: UnderWay): TsugiError {
    const { name } = this.#supervisor.current.plan.manifest;
    const details = { version: underWay.version, bin: `bin/${name}` };
    return new TsugiError("TSUGI_UPGRADE_UNDER_WAY", details);
  }

  #begin(request: UpgradeRequest): UnderWay {
    const perform = (underWay: UnderWay) =>
      this.#performAloud(request, underWay).finally(() => {
        this.#underWay = null;
        this.#decide = null;
      });
    this.#underWay = new UnderWay(request.version, kindOf(request), perform);
    return this.#underWay;
  }

  /** Whoever reads the application's log finds what has happened to it there. */
  async #performAloud(request: UpgradeRequest, underWay: UnderWay): Promise<UpgradeReport> {
    const what = wishOf(request);
    const isCheck = request.options.checkOnly === true;
    if (!isCheck) this.#supervisor.note(`${what}: begun`);
    try {
      return await this.#perform(request, underWay);
    } catch (error) {
      if (!isCheck) this.#supervisor.note(`${what}: refused: ${messageOf(error)}`);
      this.#supervisor.tellIfFull(error);
      throw error;
    }
  }

  #tell({ from, to, strategy, result, error }: UpgradeReport): void {
    const what = from === to ? `reload of ${to}` : `upgrade ${from} → ${to}`;
    const why = error === undefined ? "" : `: ${error.message}`;
    this.#supervisor.note(`${what} by ${strategy}: ${result}${why}`);
    if (result !== "handed-back") return;
    const { code } = error ?? {};
    const told = { text: `${what}: handed back${why}`, ...(code === undefined ? {} : { code }) };
    this.#supervisor.parts.notifier.tell("handed-back", told);
  }

  async #perform(request: UpgradeRequest, underWay: UnderWay): Promise<UpgradeReport> {
    const supervisor = this.#supervisor;
    const { mask } = supervisor.parts;
    const emit = (event: ControlEvent) => underWay.emit(event);
    const handler = await supervisor.parts.loadHandler();
    await fault("upgrade:plan");
    const { plan, manifest, releaseId } = await this.#plan(handler, request);
    emit({ event: "line", text: `strategy: ${plan.strategy} (${plan.reasons[0]})` });
    if (plan.strategy === "none") return { ...emptyReport(plan), result: "committed" };
    refuseObstacles(plan);
    if (request.options.checkOnly) listHooks(plan, emit);
    if (!request.reload) await verifyOnce(handler, request.version);
    if (request.options.checkOnly && !request.options.boot && !manifest.usesHot) {
      // Booting it would start its consumers and timers: what could be checked without is done.
      emit({ event: "line", text: "not booted: it does not use tsugi/hot (check --boot does)" });
      return { ...emptyReport(plan), result: "checked" };
    }
    const inPlace = plan.strategy === "swap" ? "swap" : "handoff";
    const strategy = replacesSupervisor(plan) ? "replace" : inPlace;
    const next = await supervisor.makeGeneration({ manifest, releaseId, strategy });
    const job: UpgradeJob = {
      supervisor,
      handler,
      plan,
      next,
      rehearse: request.options.rehearse ?? "auto",
      checkOnly: request.options.checkOnly ?? false,
      rollback: request.rollback === true,
      onStep: (name, state, ms, text) => {
        emit({
          event: "step",
          name,
          state,
          ...(ms === undefined ? {} : { ms }),
          ...(text ? { text } : {}),
        });
      },
      onRetiring: (soFar) => underWay.retires(() => mask.document(soFar())),
      confirm: () => this.#confirm(emit),
      stop: this.#stop.signal,
    };
    const report = mask.document(await runUpgrade(job));
    if (!request.options.checkOnly) {
      this.#tell(report);
      await this.#record(handler, report, emit);
    }
    if (supervisor.state === "replaced") supervisor.parts.onReplaced();
    return report;
  }

  /** What has been done is told, also where it can't be written down. */
  async #record(
    handler: ReleaseHandler,
    report: UpgradeReport,
    emit: (event: ControlEvent) => void,
  ): Promise<void> {
    try {
      await handler.appendReport(report);
    } catch (error) {
      this.#supervisor.noteError(error);
      emit({ event: "line", text: `the report is not in log/upgrades.jsonl: ${messageOf(error)}` });
    }
  }

  #confirm(emit: (event: ControlEvent) => void): Promise<Decision> {
    if (this.#underWay?.kind !== "install") return Promise.resolve("commit");
    return new Promise((resolve) => {
      this.#decide = (decision) => {
        this.#decide = null;
        resolve(decision);
      };
      emit({ event: "step", name: "installed", state: "begin" });
    });
  }

  async #plan(handler: ReleaseHandler, request: UpgradeRequest) {
    const { current, parts } = this.#supervisor;
    const { manifest: from } = current.plan;
    const to = await handler.manifest(request.version);
    const host = await readHostSettings(parts.layout, request.version);
    parts.mask.learn(host.env);
    const registry = await handler.registry();
    // What earlier swaps have left, and what will have to be closed, is asked for anew.
    await checkWorkers(current, LOOK_MS);
    const entry = registry.releases.find((release) => release.version === request.version);
    const { planUpgrade } = await import("../../relup/index.ts");
    const plan = planUpgrade(from, to, {
      supervisorNode: process.versions.node,
      environmentChanged: host.etcHash !== current.plan.host.etcHash,
      refusesSwap: whyNoSwap(this.#supervisor),
      running: factsOf(current),
      reload: request.reload,
    });
    return { plan, manifest: to, releaseId: entry?.releaseId ?? current.plan.releaseId };
  }
}

/** How long a worker may take to say what it has. */
const LOOK_MS = 2_000;

const wishOf = ({ reload, version }: UpgradeRequest): string =>
  reload ? "reload" : `upgrade to ${version}`;

function kindOf({ options, reload }: UpgradeRequest): Kind {
  if (reload) return "reload";
  if (options.checkOnly) return "check";
  return options.installOnly ? "install" : "upgrade";
}

/** A version that a plain `tar x` has put here was never held against its manifest and the keys. */
async function verifyOnce(handler: ReleaseHandler, version: string): Promise<void> {
  try {
    await handler.verify(version);
  } catch (error) {
    const isDamaged = error instanceof TsugiError && error.code === "TSUGI_RELEASE_DAMAGED";
    if (!isDamaged) throw error;
    // Of a release that should start it is a failure, of one that is offered a refusal.
    const details = { source: `releases/${version}`, problem: String(error.details.problem) };
    throw new TsugiError("TSUGI_UNPACK_REFUSED", details, { cause: error });
  }
}

/** A check changes nothing: what an appup would run is only named. */
function listHooks({ instructions }: Plan, emit: (event: ControlEvent) => void): void {
  for (const one of instructions) {
    if (!("run" in one)) continue;
    emit({ event: "line", text: `not run in a check, ${one.op}: ${one.run}` });
  }
}

function refuseObstacles(plan: Plan): void {
  const obstacle = plan.obstacles[0];
  if (obstacle) throw errorOf(obstacle);
}
