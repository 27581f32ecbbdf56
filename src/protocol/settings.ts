/**
 * The settings a release runs with: `releases/<vsn>/config.json` (built in) overlaid by the host's
 * `etc/config.json`. The build fills in every key that has a default. The rows are in contract/settings.ts.
 */

import { isRecord } from "../contract/checks.ts";
import {
  SETTING_ROWS,
  SETTINGS,
  type Setting,
  type SettingKind,
  type SettingSection,
} from "../contract/settings.ts";

/** How a line stands in the log (runtime/supervisor/log/format.ts). */
export const LOG_FORMATS = ["plain", "json", "raw"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What is no number. */
interface Others {
  'a path that begins with "/"': string;
  'a size such as "512M"': string;
  'times as cron has them, such as "0 4 * * *"': string;
  "plain, json or raw": LogFormat;
  "true or false": boolean;
  "a command": string;
  "an http or https URL": string;
}
type ValueOf<K extends SettingKind> = K extends keyof Others ? Others[K] : number;
type Section = Record<string, Setting>;
type Defaulted<T extends Section> = {
  [K in keyof T]: T[K] extends { default: unknown } ? K : never;
}[keyof T];
type Valued<T extends Section> = { [K in Defaulted<T>]: ValueOf<T[K]["kind"]> } & {
  [K in Exclude<keyof T, Defaulted<T>>]?: ValueOf<T[K]["kind"]>;
};
type ValuesOf<T extends Record<string, Setting | SettingSection>> = {
  [K in keyof T]: T[K] extends SettingSection
    ? Valued<T[K]["settings"]>
    : T[K] extends Setting
      ? ValueOf<T[K]["kind"]>
      : never;
};

export type RuntimeSettings = ValuesOf<typeof SETTINGS>;
export type LogSettings = RuntimeSettings["logs"];
export type NotifySettings = RuntimeSettings["notify"];

/** Any of them, as a configuration or a host may give them. */
export type PartialSettings = {
  [K in keyof RuntimeSettings]?:
    | (RuntimeSettings[K] extends object
        ? { [L in keyof RuntimeSettings[K]]?: RuntimeSettings[K][L] | undefined }
        : RuntimeSettings[K])
    | undefined;
};

export const DEFAULT_SETTINGS = defaults();

function defaults(): RuntimeSettings {
  const settings: Record<string, unknown> = {};
  for (const { path, kind, default: value } of SETTING_ROWS) {
    if (kind === "an object") settings[path] = {};
    if (value === undefined) continue;
    const [section, key] = path.split(".") as [string, string?];
    overlay(settings, { [section]: key === undefined ? value : { [key]: value } });
  }
  return settings as unknown as RuntimeSettings;
}

/** Of a whole configuration, those that run with the release. */
export function settingsIn(config: PartialSettings): PartialSettings {
  const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
  const given = Object.fromEntries(names.map((name) => [name, config[name]]));
  return JSON.parse(JSON.stringify(given)) as PartialSettings;
}

/** Overlays settings, later ones winning key by key; unknown keys are ignored. */
export function overlaySettings(...layers: PartialSettings[]): RuntimeSettings {
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
