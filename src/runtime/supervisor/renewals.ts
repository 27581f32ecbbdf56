/**
 * Handoffs into the same release that nobody has asked for: when a worker takes more than `maxMemory`,
 * which is looked at from outside, and at the times of `reloadAt`. Connections go over as in any
 * reload, so a leak costs nobody one. Where an upgrade is under way, that is the renewal.
 */

import { bytesOf } from "../../contract/checks.ts";
import { stopwatch } from "../../platform/clock.ts";
import { rssBytesOf } from "../../platform/processes.ts";
import type { RuntimeSettings } from "../../protocol/settings.ts";
import { slotName } from "./generation.ts";
import { RenewalPace } from "./renewalPace.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Upgrades } from "./upgrades.ts";

const LOOK_MS = 5_000;

export class Renewals {
  readonly #supervisor: Supervisor;
  readonly #upgrades: Upgrades;
  readonly #nowMs = stopwatch();
  readonly #pace = new RenewalPace();
  #settings: RuntimeSettings | undefined;
  #look: NodeJS.Timeout | undefined;
  #stopTimes = () => {};

  constructor(supervisor: Supervisor, upgrades: Upgrades) {
    this.#supervisor = supervisor;
    this.#upgrades = upgrades;
  }

  /** From now on; those of before count no more. */
  async use(settings: RuntimeSettings): Promise<void> {
    this.#settings = settings;
    clearInterval(this.#look);
    this.#stopTimes();
    const { maxMemory, reloadAt } = settings;
    if (maxMemory !== undefined) {
      this.#look = setInterval(() => this.#lookAtMemory(maxMemory), LOOK_MS).unref();
    }
    if (reloadAt === undefined) return;
    const { atTimes } = await import("../../platform/cron.ts");
    if (this.#settings !== settings) return;
    this.#stopTimes = atTimes(reloadAt, () => this.#renew(`it is time (reloadAt: ${reloadAt})`));
  }

  #lookAtMemory(maxMemory: string): void {
    const nowMs = this.#nowMs();
    if (!this.#isFree || !this.#pace.isDue(nowMs)) return;
    const sizes = this.#supervisor.current.slots
      .filter(({ worker }) => worker.exit === null)
      .map((slot) => ({ ...slot, bytes: rssBytesOf(slot.worker.pid) }));
    const tooLarge = sizes.find(({ bytes }) => bytes > bytesOf(maxMemory));
    if (tooLarge === undefined) return;
    this.#pace.renewed(nowMs);
    const { worker, bytes } = tooLarge;
    const who = `${slotName(tooLarge)} pid ${worker.pid}`;
    const size = `${Math.round(bytes / 1024 ** 2)} MB`;
    this.#renew(`${who} takes ${size}, more than maxMemory (${maxMemory})`);
  }

  get #isFree(): boolean {
    const { state, retiring } = this.#supervisor;
    return state === "serving" && retiring === undefined && this.#upgrades.status === null;
  }

  #renew(why: string): void {
    if (!this.#isFree) return;
    this.#supervisor.note(`${why}: reload`);
    const { version } = this.#supervisor.current;
    // How it went is in the log and in the history, as of each reload.
    this.#upgrades.run({ version, options: {}, reload: true }, () => {}).catch(() => {});
  }
}
