/**
 * The settings a release runs with: `releases/<vsn>/config.json` (built in) overlaid by the host's
 * `etc/config.json`. Times in milliseconds. The build fills in every key (CONTRACTS §3).
 */
import { isRecord } from "./shape.ts";

export interface HealthSettings {
  path?: string;
  port?: number;
  intervalMs: number;
  healthyAfter: number;
}

export interface RuntimeSettings {
  health: HealthSettings;
  timeouts: {
    readyMs: number;
    readyAfterMs: number;
    freezeMs: number;
    drainMs: number;
    probationMs: number;
    rehearseMs: number;
    stopMs: number;
  };
  restarts: { max: number; withinMs: number };
  logs: { maxBytes: number; keep: number };
  /** Releases kept by the prune after each commit. */
  keepReleases: number;
}

export const DEFAULT_SETTINGS: RuntimeSettings = {
  health: { intervalMs: 500, healthyAfter: 2 },
  timeouts: {
    readyMs: 30_000,
    readyAfterMs: 1_000,
    freezeMs: 2_000,
    drainMs: 30_000,
    probationMs: 5_000,
    rehearseMs: 60_000,
    stopMs: 30_000,
  },
  restarts: { max: 5, withinMs: 60_000 },
  logs: { maxBytes: 10_485_760, keep: 5 },
  keepReleases: 5,
};

type Partially<T> = { [K in keyof T]?: T[K] extends object ? Partially<T[K]> : T[K] };

/** Overlays settings, later ones winning key by key; unknown keys are ignored. */
export function overlaySettings(...layers: Partially<RuntimeSettings>[]): RuntimeSettings {
  const result = structuredClone(DEFAULT_SETTINGS) as unknown as Record<string, unknown>;
  for (const layer of layers) overlay(result, layer as Record<string, unknown>);
  return result as unknown as RuntimeSettings;
}

function overlay(target: Record<string, unknown>, layer: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(layer ?? {})) {
    if (value === undefined) continue;
    const present = target[key];
    if (isRecord(present) && isRecord(value)) overlay(present, value);
    else target[key] = value;
  }
}
