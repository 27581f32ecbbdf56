/**
 * The parent of all workers: starts them, restarts what crashes, holds the listening sockets, and
 * runs upgrades (upgrade.ts). It never runs application code and is never on a request's path.
 *
 *                  all are ready            an upgrade loads          `run/` is handed over
 *     booting ───────────────────► serving ─────────────────► upgrading ──────────────────► replaced
 *        │                         ▲  ▲  ▲                      │                               │
 *        │ there is a predecessor  │  │  └──────────────────────┘                               │
 *        ▼                         │  │          it has ended                                   │
 *     succeeding ──────────────────┘  └─────────────────────────────────────────────────────────┘
 *                 it takes over                        the successor has failed
 *
 *     … and from each of them to stopping, from where there is no way on.
 */

import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { isoNow } from "../../platform/clock.ts";
import { isDiskFull } from "../../platform/files.ts";
import type { Mask } from "../../protocol/mask.ts";
import type { Retiring, Stopping } from "../../protocol/report.ts";
import type { Succession } from "../../protocol/succession.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import type { Layout } from "../../release/layout.ts";
import type { Manifest } from "../../release/manifest.ts";
import { watchDeaths } from "./deaths.ts";
import { askFirst } from "./firstAnswer.ts";
import { Generation, type GenerationPlan } from "./generation.ts";
import type { ListenerTable } from "./listeners.ts";
import type { Log } from "./log/log.ts";
import type { Notifier } from "./notify/notifier.ts";
import { Restarts } from "./restarts.ts";
import { type Serving, Slots } from "./slots.ts";
import type { Leftover } from "./takeover.ts";
import { Unsteady } from "./unsteady.ts";
import { problemOf, Workers } from "./workers.ts";

type State = "booting" | "succeeding" | "serving" | "upgrading" | "replaced" | "stopping";

const NEXT: Record<State, readonly State[]> = {
  booting: ["serving", "succeeding", "stopping"],
  succeeding: ["serving", "stopping"],
  serving: ["upgrading", "stopping"],
  upgrading: ["serving", "replaced", "stopping"],
  replaced: ["serving", "stopping"],
  stopping: [],
};

export interface SupervisorParts {
  layout: Layout;
  log: Log;
  listeners: ListenerTable;
  /** The host's environment without tsugi's own variables. */
  baseEnv: Record<string, string>;
  /** Over all that leaves this process in words. */
  mask: Mask;
  tsugiVersion: string;
  notifier: Pick<Notifier, "tell">;
  loadHandler: () => Promise<ReleaseHandler>;
  foreground: boolean;
  /** `run/` names this supervisor again, after a successor that has failed. */
  reclaimRun: () => Promise<void>;
  /** Each time that another generation serves. */
  onServe: (generation: Generation) => void;
  /** A successor has taken over; what is left of the old generation drains. */
  onHandedOver: () => void;
  /** A successor has taken over and the report is out: this process ends, its files stay. */
  onReplaced: () => void;
  /** Called when the supervisor gives up: the process exits non-zero. */
  onGiveUp: (error: TsugiError, lastWords: string[]) => void;
}

export class Supervisor {
  readonly parts: SupervisorParts;
  /** Of the last upgrade: what of an old generation still runs. */
  leftovers: Leftover[] = [];
  /** Of the last upgrade: what has served before, until it has ended. */
  retiring: Retiring | undefined;
  /** Set from the moment that it was told to. */
  stopping: Stopping | undefined;
  readonly workers: Workers;
  readonly slots = new Slots(this);
  #state: State = "booting";
  #serving: Serving | undefined;
  /** Of every generation that has served: one that is gone back to has not become steady by it, and has served all along. */
  readonly #served = new WeakMap<Generation, Serving>();
  #lastNumber = 0;

  constructor(parts: SupervisorParts) {
    this.parts = parts;
    const { layout, log, listeners, mask } = parts;
    this.workers = new Workers({
      layout,
      mask,
      log,
      listeners,
      note: (text) => this.note(text),
      noteError: (error) => this.noteError(error),
      isSettled: (generation) => {
        const isSettled = this.isAlone || this.#state === "stopping";
        return isSettled && generation === this.#serving?.generation;
      },
    });
  }

  get state(): State {
    return this.#state;
  }

  enter(state: State): void {
    if (this.#state === state) return;
    if (!NEXT[this.#state].includes(state)) throw new Error(`${this.#state} → ${state}`);
    this.#state = state;
  }

  /** Neither an upgrade nor another supervisor has a say in what becomes of the workers. */
  get isAlone(): boolean {
    return this.#state === "booting" || this.#state === "serving";
  }

  /** The generation that serves. @throws TSUGI_STARTING, TSUGI_STOPPING */
  get current(): Generation {
    if (this.#serving !== undefined) return this.#serving.generation;
    throw this.notServing();
  }

  /** When that began to serve. */
  get since(): string {
    return this.#serving!.since;
  }

  get serving(): Serving | undefined {
    return this.#serving;
  }

  get hasStarted(): boolean {
    return this.#serving !== undefined;
  }

  /** For whoever asks one that serves not yet, or no more. */
  notServing(): TsugiError {
    const { name, bin } = this.parts.layout;
    return new TsugiError(this.stopping ? "TSUGI_STOPPING" : "TSUGI_STARTING", { name, bin });
  }

  /** Boots the generation that a start asks for; resolves when every slot is ready. */
  async boot(manifest: Manifest, releaseId: string): Promise<void> {
    const generation = await this.makeGeneration({ manifest, releaseId, strategy: "start" });
    this.serve(generation);
    this.slots.spawn(generation, "active");
    try {
      await this.slots.waitReady(generation);
      await this.#askFirst(generation);
    } catch (error) {
      // Nothing serves: "the old version serves as before" would be no comfort, and untrue.
      const { bin, name } = this.parts.layout;
      const details = { name, version: generation.version, problem: problemOf(error), bin };
      throw new TsugiError("TSUGI_START_FAILED", details, { cause: error });
    }
  }

  /** @throws TSUGI_LOAD_FAILED where a process dies of its first request */
  async #askFirst(generation: Generation): Promise<void> {
    const deaths = watchDeaths(generation, generation, new Unsteady());
    try {
      const silent = await deaths.race(() => askFirst(generation, this.parts.listeners));
      for (const text of silent) this.note(text);
    } catch (error) {
      throw await this.workers.diedOfRequest(generation, error);
    } finally {
      deaths.stop();
    }
  }

  async makeGeneration(what: {
    manifest: Manifest;
    releaseId: string;
    strategy: WorkerBoot["strategy"];
    /** As the predecessor counts and knows. */
    succession?: Succession;
  }): Promise<Generation> {
    const { layout, baseEnv, mask } = this.parts;
    const host = await readHostSettings(layout, what.manifest.version);
    mask.learn(host.env);
    for (const text of host.unknown) this.note(text);
    const plan: GenerationPlan = {
      manifest: what.manifest,
      releaseId: what.releaseId,
      strategy: what.strategy,
      number: what.succession?.generation ?? this.#lastNumber + 1,
      host,
      previous: what.succession?.previous ?? this.#serving?.generation.version ?? null,
      listening: what.succession?.listening ?? this.#serving?.generation.listening ?? [],
    };
    this.#lastNumber = plan.number;
    return new Generation(plan, layout, baseEnv);
  }

  /** Of a start that has failed. */
  get wordsOfTheDead(): string[] {
    const { mask } = this.parts;
    const slots = this.#serving?.generation.slots ?? [];
    return slots.find(({ worker }) => worker.exit !== null)?.worker.lastWords.told(mask) ?? [];
  }

  /** This generation serves from here on. */
  serve(generation: Generation): void {
    this.#serving?.restarts.end();
    this.#serving = this.#served.get(generation) ?? {
      generation,
      restarts: new Restarts(generation, this.parts.mask),
      since: isoNow(),
    };
    this.#served.set(generation, this.#serving);
    this.parts.log.use(generation.settings.logs);
    this.parts.onServe(generation);
  }

  note(text: string): void {
    this.parts.log.note(this.parts.mask.text(text));
  }

  noteError(error: unknown): void {
    const { code, message } = errorToJson(error);
    this.note(`${code}: ${message}`);
    this.tellIfFull(error);
  }

  tellIfFull(error: unknown): void {
    if (!isDiskFull(error)) return;
    const { notifier } = this.parts;
    notifier.tell("disk-full", { text: `The disk is full: ${messageOf(error)}` }, "");
  }

  /**
   * `run/` becomes a successor's, and this process ends soon. Where that fails, it is ours again, and
   * so are the workers of the release that is permanent now: they are started anew.
   */
  async handOver(takeOver: () => Promise<void>): Promise<void> {
    this.enter("replaced");
    await this.workers.record.leave();
    try {
      await takeOver();
    } catch (error) {
      await this.workers.record.keep();
      await this.parts.reclaimRun();
      this.enter("serving");
      this.slots.ensure();
      throw error;
    }
    this.parts.onHandedOver();
  }
}
