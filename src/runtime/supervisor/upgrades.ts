/**
 * At most one upgrade at a time. Whoever asks for the one that is under way is attached to it
 * (ongoingUpgrade.ts). Whoever asks for another one is refused, or, when only the old version has to end
 * yet, waits for that.
 */

import { errorFromJson, TsugiError } from "../../contract/errors.ts";
import { readHostSettings } from "../../handler/settings.ts";
import type { ControlEvent } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { OngoingUpgrade } from "./ongoingUpgrade.ts";
import { performUpgrade } from "./performUpgrade.ts";
import type { Supervisor } from "./supervisor.ts";
import { kindOf, type UpgradeRequest, wishOf } from "./upgradeRequest.ts";

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
      performUpgrade(this.#supervisor, request, ongoing, {
        confirm: () => this.#confirm(ongoing),
        stop: this.#stop.signal,
      }).finally(() => {
        this.#ongoing = null;
        this.#decide = null;
      });
    const kind = kindOf(request);
    const etcHash = kind === "reload" ? this.#etcHash(request) : undefined;
    this.#ongoing = new OngoingUpgrade(request.version, kind, etcHash, perform);
    return this.#ongoing;
  }

  #confirm(ongoing: OngoingUpgrade): Promise<Decision> {
    if (this.#ongoing?.kind !== "install") return Promise.resolve("commit");
    // A stop waits for it already, and nobody is asked any more.
    if (this.#stop.signal.aborted) return Promise.resolve("handBack");
    return new Promise((resolve) => {
      this.#decide = (decision) => {
        this.#decide = null;
        resolve(decision);
      };
      ongoing.emit({ event: "step", name: "installed", state: "begin" });
    });
  }
}

/** What went wrong is an error for whoever has asked; the report goes with it. */
function failedIf(report: UpgradeReport): UpgradeReport {
  if (report.error === undefined) return report;
  throw Object.assign(errorFromJson(report.error), { report });
}
