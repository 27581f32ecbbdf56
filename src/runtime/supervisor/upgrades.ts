/**
 * At most one upgrade at a time. Whoever asks for the one that is under way is attached to it
 * (ongoingUpgrade.ts). Whoever asks for another one is refused, or, when only the old version has to end
 * yet, waits for that.
 */

import { defined } from "../../contract/checks.ts";
import { errorFromJson, errorOf, hasCode, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { fault } from "../../platform/faults.ts";
import type { ControlEvent, UpgradeOptions } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { type Plan, replacesSupervisor } from "../../relup/instructions.ts";
import { factsOf } from "./facts.ts";
import { checkWorkers } from "./health.ts";
import type { UpgradeJob } from "./job.ts";
import { type Kind, OngoingUpgrade } from "./ongoingUpgrade.ts";
import { emptyReport } from "./report.ts";
import type { Supervisor } from "./supervisor.ts";
import { whyNoSwap } from "./swapRefusal.ts";
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
  #ongoing: OngoingUpgrade | null = null;
  /** An `install` that waits for `commit` or `rollback`. */
  #decide: ((decision: Decision) => void) | null = null;
  /** Ends what an appup runs. */
  readonly #stop = new AbortController();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** Null also while nothing is left but the end of the old version. */
  get status(): { to: string; step: string } | null {
    if (this.#ongoing === null || this.#ongoing.isRetiring) return null;
    return { to: this.#ongoing.version, step: this.#ongoing.step };
  }

  /** An `install` is waiting for its `commit`. */
  get installed(): boolean {
    return this.#decide !== null;
  }

  async run(request: UpgradeRequest, send: (event: ControlEvent) => void): Promise<UpgradeReport> {
    await this.#oldEnded(request, send);
    await this.#etcRead(request, send);
    const ongoing = this.#ongoing;
    if (ongoing !== null && !this.#isSameWish(ongoing, request)) throw this.#refusal(ongoing);
    const joined = ongoing ?? this.#begin(request);
    return failedIf(await joined.attend(send, { wait: request.options.wait === true }));
  }

  /** What is asked for begins after it. The same upgrade again is only told how it went. */
  async #oldEnded(request: UpgradeRequest, send: (event: ControlEvent) => void): Promise<void> {
    const ongoing = this.#ongoing;
    if (!ongoing?.isRetiring) return;
    if (kindOf(request) !== "reload" && this.#isSameWish(ongoing, request)) return;
    const { version } = this.#supervisor.retiring ?? ongoing;
    const text = `begins when what ${version} still answers has ended`;
    this.#supervisor.note(`${wishOf(request)}: ${text}`);
    send({ event: "line", text });
    await ongoing.finished.catch(() => {});
  }

  /** A reload is for what `etc/` says now: one that began before that was written is not the same. */
  async #etcRead(request: UpgradeRequest, send: (event: ControlEvent) => void): Promise<void> {
    if (kindOf(request) !== "reload") return;
    for (let ongoing = this.#ongoing; ongoing?.kind === "reload"; ongoing = this.#ongoing) {
      const [begun, now] = await Promise.all([ongoing.etcHash, this.#etcHash(request)]);
      if (begun === now) return;
      send({ event: "line", text: "etc/ has changed since the reload that is under way began" });
      await ongoing.finished.catch(() => {});
    }
  }

  /** Undefined while it can't be read: a reload is refused for that. */
  #etcHash({ version }: UpgradeRequest): Promise<string | undefined> {
    return readHostSettings(this.#supervisor.parts.layout, version).then(
      ({ etcHash }) => etcHash,
      () => undefined,
    );
  }

  /** Resolves when no upgrade is under way any more: a stop waits for it or ends it. */
  async settle(): Promise<void> {
    this.#decide?.("handBack");
    this.#stop.abort();
    await this.#ongoing?.finished.catch(() => {});
  }

  /** `commit` or `rollback` of an installed release; resolves with the report. */
  async decide(decision: Decision): Promise<UpgradeReport | null> {
    if (this.#decide === null || this.#ongoing === null) return null;
    const { told } = this.#ongoing;
    this.#decide(decision);
    const report = await told;
    const isAsAsked = decision === "handBack" && report.error?.code === "TSUGI_NOT_COMMITTED";
    if (!isAsAsked) return failedIf(report);
    const { error: _, ...done } = report;
    return done;
  }

  /** `upgrade` of what `install` has left uncommitted goes on with it. */
  #isSameWish(ongoing: OngoingUpgrade, request: UpgradeRequest): boolean {
    if (ongoing.version !== request.version) return false;
    if (ongoing.kind === kindOf(request)) return true;
    const completes = ongoing.kind === "install" && kindOf(request) === "upgrade";
    if (!completes) return false;
    // Also where it has not come as far yet: nobody else would decide.
    ongoing.kind = "upgrade";
    this.#decide?.("commit");
    return true;
  }

  #refusal(ongoing: OngoingUpgrade): TsugiError {
    const { name } = this.#supervisor.current.plan.manifest;
    const details = { version: ongoing.version, bin: `bin/${name}` };
    return new TsugiError("TSUGI_UPGRADE_UNDER_WAY", details);
  }

  /** @throws TSUGI_STOPPING: a stop has waited for what was under way, and waits for no more */
  #begin(request: UpgradeRequest): OngoingUpgrade {
    const { name, bin } = this.#supervisor.parts.layout;
    if (this.#stop.signal.aborted) throw new TsugiError("TSUGI_STOPPING", { name, bin });
    const perform = (ongoing: OngoingUpgrade) =>
      this.#performAloud(request, ongoing).finally(() => {
        this.#ongoing = null;
        this.#decide = null;
      });
    const kind = kindOf(request);
    const etcHash = kind === "reload" ? this.#etcHash(request) : undefined;
    this.#ongoing = new OngoingUpgrade(request.version, kind, etcHash, perform);
    return this.#ongoing;
  }

  /** Whoever reads the application's log finds what has happened to it there. */
  async #performAloud(request: UpgradeRequest, ongoing: OngoingUpgrade): Promise<UpgradeReport> {
    const what = wishOf(request);
    const isCheck = request.options.checkOnly === true;
    if (!isCheck) this.#supervisor.note(`${what}: begun`);
    try {
      return await this.#perform(request, ongoing);
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
    const told = { text: `${what}: handed back${why}`, ...defined({ code }) };
    this.#supervisor.parts.notifier.tell("handed-back", told);
  }

  async #perform(request: UpgradeRequest, ongoing: OngoingUpgrade): Promise<UpgradeReport> {
    const supervisor = this.#supervisor;
    const { mask } = supervisor.parts;
    const emit = (event: ControlEvent) => ongoing.emit(event);
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
    const takeover = plan.strategy === "swap" ? "swap" : "handoff";
    const strategy = replacesSupervisor(plan) ? "replace" : takeover;
    const next = await supervisor.makeGeneration({ manifest, releaseId, strategy });
    const job: UpgradeJob = {
      supervisor,
      handler,
      plan,
      next,
      rehearse: request.options.rehearse ?? "auto",
      checkOnly: request.options.checkOnly ?? false,
      rollback: request.rollback === true,
      onStep: (name, state, ms, text) =>
        emit({ event: "step", name, state, ...defined({ ms, text: text || undefined }) }),
      onRetiring: (soFar) => ongoing.retires(() => mask.document(soFar())),
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
    if (this.#ongoing?.kind !== "install") return Promise.resolve("commit");
    // A stop waits for it already, and nobody is asked any more.
    if (this.#stop.signal.aborted) return Promise.resolve("handBack");
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
    const list = await handler.list();
    // What earlier swaps have left, and what will have to be closed, is asked for anew.
    await checkWorkers(current, LOOK_MS);
    await this.#supervisor.allStarted();
    const entry = list.releases.find((release) => release.version === request.version);
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

/** What went wrong is an error for whoever has asked; the report goes with it. */
function failedIf(report: UpgradeReport): UpgradeReport {
  if (report.error === undefined) return report;
  throw Object.assign(errorFromJson(report.error), { report });
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
    if (!hasCode(error, "TSUGI_RELEASE_DAMAGED")) throw error;
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
