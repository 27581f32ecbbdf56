/**
 * One generation of the system: all workers of one release, with the settings and the environment
 * they were started with. The supervisor has one that serves, and during an upgrade a second one.
 */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { defined } from "../../contract/checks.ts";
import type { HostSettings } from "../../handler/settings.ts";
import { DEFAULT_SETTINGS, type RuntimeSettings } from "../../protocol/settings.ts";
import { WORKER_PROTOCOL_FORMAT, type WorkerBoot } from "../../protocol/worker.ts";
import { appDirName, type Layout } from "../../release/layout.ts";
import type { Manifest, ManifestProcess } from "../../release/manifest.ts";
import { filledIn } from "./arguments.ts";
import { spawnChannel, type WorkerSpec } from "./workerChannel.ts";
import { WorkerHandle } from "./workerHandle.ts";

/**
 * At a start, one whose code listens counts as ready without that after so long: it may be under a
 * condition. Before readyMs is over, in any case.
 */
const LISTENS_WITHIN_MS = 10_000;
const SPARE_MS = 1_000;

/** What a generation is made from. */
export interface GenerationPlan {
  number: number;
  manifest: Manifest;
  releaseId: string;
  host: HostSettings;
  previous: string | null;
  strategy: WorkerBoot["strategy"];
  /** Processes of the generation before it that listen: so has this one to, before that one goes. */
  listening: readonly string[];
}

export interface Slot {
  process: ManifestProcess;
  index: number;
  worker: WorkerHandle;
  restarts: number;
}

export const slotName = ({ process, index }: Pick<Slot, "process" | "index">): string =>
  `${process.name}.${index}`;

export const hasState = ({ worker }: Slot): boolean => (worker.declared?.states.length ?? 0) > 0;

/** Its registered servers' connections change hands within one pause. */
export const carries = ({ worker }: Slot): boolean => worker.declared?.carries === true;

/** State or connections change hands, or consumers must stop before those of the next one start. */
export const needsFreeze = (slot: Slot): boolean =>
  hasState(slot) || carries(slot) || slot.worker.declared?.freezes === true;

export class Generation {
  readonly plan: GenerationPlan;
  readonly slots: Slot[] = [];
  readonly #layout: Layout;
  readonly #baseEnv: Record<string, string>;

  constructor(plan: GenerationPlan, layout: Layout, baseEnv: Record<string, string>) {
    this.plan = plan;
    this.#layout = layout;
    this.#baseEnv = baseEnv;
    makeShared(plan.manifest, layout);
  }

  get number(): number {
    return this.plan.number;
  }

  get version(): string {
    return this.plan.manifest.version;
  }

  get settings(): RuntimeSettings {
    return this.plan.host.settings;
  }

  /** Every slot that the release asks for, in order. */
  wantedSlots(): { process: ManifestProcess; index: number }[] {
    return this.plan.manifest.processes.flatMap((process) => {
      const count = process.workers === "max" ? availableParallelism() : process.workers;
      return Array.from({ length: count }, (_, index) => ({ process, index }));
    });
  }

  /** Processes that listen. */
  get listening(): string[] {
    const slots = this.slots.filter(({ worker }) => worker.listening.size > 0);
    return [...new Set(slots.map(({ process }) => process.name))];
  }

  get needsFreeze(): boolean {
    return this.slots.some(needsFreeze);
  }

  /** True when some worker has in-memory state, that has to be carried. */
  get hasState(): boolean {
    return this.slots.some(hasState);
  }

  /** Requests wait for a while, when it is left. */
  get pauses(): boolean {
    return this.slots.some((slot) => hasState(slot) || carries(slot));
  }

  slotLike(slot: Pick<Slot, "process" | "index">): Slot | undefined {
    return this.slots.find(
      (other) => other.process.name === slot.process.name && other.index === slot.index,
    );
  }

  spawn(process: ManifestProcess, index: number, mode: WorkerBoot["mode"]): WorkerHandle {
    const spec = this.specOf(process, index, mode);
    return new WorkerHandle(spawnChannel(spec), spec.boot);
  }

  /** Being alive is enough only for one of which nobody knows that it listens. */
  #listensWithinMs({ name, listens }: ManifestProcess): number | undefined {
    const { host, listening, strategy } = this.plan;
    const { readyMs, readyAfterMs } = host.settings.timeouts;
    if (listening.includes(name)) return readyMs;
    const isDefault = readyAfterMs === DEFAULT_SETTINGS.timeouts.readyAfterMs;
    if (!listens || !isDefault || strategy !== "start") return undefined;
    return Math.max(readyAfterMs, Math.min(LISTENS_WITHIN_MS, readyMs - SPARE_MS));
  }

  specOf(process: ManifestProcess, index: number, mode: WorkerBoot["mode"]): WorkerSpec {
    const { manifest, host } = this.plan;
    const { readyAfterMs } = host.settings.timeouts;
    const layout = this.#layout;
    const appDir = layout.library(appDirName(manifest.name, manifest.version));
    const env = {
      NODE_ENV: "production",
      ...process.env,
      ...this.#baseEnv,
      ...host.env,
      NODE_APP_INSTANCE: String(index),
      TSUGI_ROOT: layout.root,
      TSUGI_DATA_DIR: layout.data,
      TSUGI_APP_DIR: appDir,
    };
    return {
      node: layout.node(manifest.runtime.dir),
      preload: join(layout.library(manifest.tsugi.dir), "worker.mjs"),
      nodeArgs: filledIn(host.nodeArgs, env),
      cwd: appDir,
      env,
      boot: {
        format: WORKER_PROTOCOL_FORMAT,
        name: manifest.name,
        version: manifest.version,
        previous: this.plan.previous,
        process: process.name,
        slot: index,
        generation: this.plan.number,
        strategy: this.plan.strategy,
        mode,
        entry: join(appDir, process.entry),
        ...defined({ args: process.args && filledIn(process.args, env) }),
        appDir,
        readyAfterMs,
        ...defined({ listensWithinMs: this.#listensWithinMs(process) }),
      },
    };
  }
}

/** The folders of `shared`, to which links of the release lead; a file comes when it is written. */
function makeShared({ name, version, files }: Manifest, layout: Layout): void {
  const appDir = layout.library(appDirName(name, version));
  const own = `lib/${appDirName(name, version)}/`;
  for (const { path, link } of files) {
    if (link === undefined || !path.startsWith(own)) continue;
    const target = join(dirname(join(appDir, path.slice(own.length))), link);
    if (!target.startsWith(`${layout.data}/`)) continue;
    mkdirSync(link.endsWith("/") ? target : dirname(target), { recursive: true });
  }
}
