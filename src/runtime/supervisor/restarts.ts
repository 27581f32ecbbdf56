/**
 * What has crashed in the generation that serves, slot by slot, and when it is started again. One
 * that keeps crashing waits longer each time while the others serve; when nothing else runs, or where
 * `restarts.escalate` says so, the supervisor gives up.
 */

import { defined } from "../../contract/checks.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { Mask } from "../../protocol/mask.ts";
import type { SlotCrash } from "../../protocol/report.ts";
import type { Generation, Slot } from "./generation.ts";
import { headlineOf, type LastWords } from "./log/lastWords.ts";
import { RestartPolicy } from "./restartPolicy.ts";

interface Crashed {
  policy: RestartPolicy;
  /** Of the last one. */
  atMs: number;
  why: string;
  words: LastWords;
  /** Set while it waits to be started again. */
  timer?: NodeJS.Timeout | undefined;
  nextAtMs: number;
}

export class Restarts {
  readonly #generation: Generation;
  readonly #mask: Mask;
  readonly #crashed = new Map<Slot, Crashed>();
  #hasGivenUp = false;

  constructor(generation: Generation, mask: Mask) {
    this.#generation = generation;
    this.#mask = mask;
  }

  /**
   * Plans the restart. @returns its pause, or "giveUp"; undefined once it has been given up
   */
  crashed(slot: Slot, problem: string, restart: () => void): number | "giveUp" | undefined {
    if (this.#hasGivenUp) return undefined;
    this.started(slot);
    const policy = this.#crashed.get(slot)?.policy ?? this.#newPolicy();
    const nowMs = performance.now();
    const pauseMs = policy.crashed(nowMs);
    const atMs = Date.now();
    const { lastWords: words } = slot.worker;
    const why = this.#mask.text(problem);
    const crash: Crashed = { policy, atMs, why, words, nextAtMs: atMs + pauseMs };
    this.#crashed.set(slot, crash);
    if (this.#isTheEnd(policy, nowMs)) {
      this.#hasGivenUp = true;
      return "giveUp";
    }
    crash.timer = setTimeout(restart, pauseMs);
    return pauseMs;
  }

  /** By whomever: it waits no more. */
  started(slot: Slot): void {
    const crash = this.#crashed.get(slot);
    clearTimeout(crash?.timer);
    if (crash) crash.timer = undefined;
  }

  /** Another generation serves. */
  end(): void {
    for (const slot of this.#crashed.keys()) this.started(slot);
  }

  keepsCrashing(slot: Slot): boolean {
    return this.#crashed.get(slot)?.policy.keepsCrashing(performance.now()) === true;
  }

  /** By its last crash. */
  hasBegunToLoop(slot: Slot): boolean {
    return this.#crashed.get(slot)?.policy.hasBegunToLoop === true;
  }

  /** It is no wonder if it does so again. */
  hasCrashedLately(slot: Slot): boolean {
    if (slot.worker.exit !== null) return true;
    return this.#crashed.get(slot)?.policy.hasCrashedLately(performance.now()) === true;
  }

  /** For `status`. */
  crashOf(slot: Slot): SlotCrash | undefined {
    const crash = this.#crashed.get(slot);
    if (crash === undefined) return undefined;
    const { atMs, why, words, timer, nextAtMs } = crash;
    return {
      at: new Date(atMs).toISOString(),
      why,
      lastWords: words.told(this.#mask),
      keepsCrashing: this.keepsCrashing(slot),
      ...defined({ nextAt: timer && new Date(nextAtMs).toISOString() }),
    };
  }

  /** Why the supervisor ends, and the last words of the worker that it ends for. */
  async gaveUp(slot: Slot): Promise<[TsugiError, string[]]> {
    const { policy, why, words } = this.#crashed.get(slot)!;
    // They may come after the end of who says them.
    await slot.worker.outputEnded;
    const lastWords = words.told(this.#mask);
    const headline = headlineOf(lastWords);
    const details = {
      process: slot.process.name,
      count: policy.count,
      withinMs: policy.withinMs,
      why: headline === undefined ? why : `${why}; its last words: ${headline}`,
    };
    return [new TsugiError("TSUGI_GAVE_UP", details), lastWords];
  }

  #newPolicy(): RestartPolicy {
    return new RestartPolicy(this.#generation.settings.restarts);
  }

  /** As long as one slot has not crashed too often, somebody serves, or will in a moment. */
  #isTheEnd(policy: RestartPolicy, nowMs: number): boolean {
    if (!policy.keepsCrashing(nowMs)) return false;
    const { slots, settings } = this.#generation;
    return settings.restarts.escalate || slots.every((slot) => this.keepsCrashing(slot));
  }
}
