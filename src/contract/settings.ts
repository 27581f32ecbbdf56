/**
 * The settings that a release runs with: built in by `tsugi.config.*`, overlaid by the host's
 * `etc/config.json`. From here come their types and defaults (protocol/settings.ts), what a host
 * accepts (handler/settings.ts, and tsugi_settings.erl by priv/settings.json), the schema of the
 * configuration (config/schema.ts) and its reference page. To add one, for both kinds of host: a row.
 *
 * Times are in milliseconds, by a name that ends in Ms. One without a default may be left open.
 */

/** What a value has to be, in the words of the error that refuses another (contract/checks.ts). */
export type SettingKind =
  | "a positive whole number"
  | "a whole number"
  | "a port"
  | 'a path that begins with "/"'
  | "plain, json or raw"
  | "true or false"
  | 'a size such as "512M"'
  | 'times as cron has them, such as "0 4 * * *"'
  | "a command"
  | "an http or https URL";

export interface Setting {
  kind: SettingKind;
  text: string;
  default?: number | string | boolean;
  /** The only kind of host that reads it; without: both. */
  only?: "node" | "beam";
}

export interface SettingSection {
  text: string;
  settings: Record<string, Setting>;
}

const table = <const T extends Record<string, Setting | SettingSection>>(rows: T): T => rows;

export const SETTINGS = table({
  health: {
    text: "What decides in probation, beside hot.health.",
    settings: {
      path: { kind: 'a path that begins with "/"', text: "Answers below 400 when healthy" },
      port: { kind: "a port", text: "Where to ask; else the app's first port" },
      intervalMs: {
        kind: "a positive whole number",
        default: 500,
        text: "Time between two checks",
      },
      healthyAfter: {
        kind: "a positive whole number",
        default: 2,
        text: "Good checks in a row that count as healthy",
      },
    },
  },
  timeouts: {
    text: "How long each step may take.",
    settings: {
      readyMs: { kind: "a positive whole number", default: 30_000, text: "Start to ready" },
      readyAfterMs: {
        kind: "a whole number",
        default: 1_000,
        text: "An app that listens nowhere is ready when alive this long",
        only: "node",
      },
      freezeMs: {
        kind: "a positive whole number",
        default: 2_000,
        text: "Freeze: requests under way must finish",
      },
      drainMs: {
        kind: "a whole number",
        default: 30_000,
        text: "Drain: what could not be carried may finish",
      },
      webSocketDrainMs: {
        kind: "a whole number",
        default: 2_000,
        text: "Drain: within it WebSockets of servers that are not registered are closed, spread",
        only: "node",
      },
      probationMs: {
        kind: "a whole number",
        default: 5_000,
        text: "Probation after an install",
      },
      rehearseMs: {
        kind: "a positive whole number",
        default: 60_000,
        text: "Rehearsal of the state's migration",
      },
      stopMs: {
        kind: "a positive whole number",
        default: 30_000,
        text: "Stop: SIGTERM to SIGKILL",
      },
    },
  },
  restarts: {
    text: "How often a worker may crash (OTP: intensity and period).",
    settings: {
      max: { kind: "a whole number", default: 5, text: "Crashes within the period" },
      withinMs: { kind: "a positive whole number", default: 60_000, text: "The period" },
      delayMs: {
        kind: "a whole number",
        default: 0,
        text: "Pause before a restart; it doubles up to 5 s for each further crash in the period",
        only: "node",
      },
      silentMs: {
        kind: "a positive whole number",
        text: "A worker whose event loop stands still for so long is killed, as if it had crashed; without: status says so",
        only: "node",
      },
      escalate: {
        kind: "true or false",
        default: false,
        text: "One worker that crashes more often: true: the release ends; false: it is started again each 1 to 30 s while others serve",
        only: "node",
      },
    },
  },
  logs: {
    text: "How log/<app>.log is written and rotated.",
    settings: {
      maxBytes: {
        kind: "a positive whole number",
        default: 10_485_760,
        text: "Size that rotates a log",
      },
      keep: {
        kind: "a whole number",
        default: 5,
        text: "Rotated logs kept; 0: what is full is thrown away",
      },
      format: {
        kind: "plain, json or raw",
        default: "plain",
        text: "plain: time, version and pid before each line; json: as fields; raw: as printed",
        only: "node",
      },
    },
  },
  maxMemory: {
    kind: 'a size such as "512M"',
    text: "A worker that takes more (K, M, G; resident) is replaced by a handoff into the same release",
    only: "node",
  },
  reloadAt: {
    kind: 'times as cron has them, such as "0 4 * * *"',
    text: "When the workers are replaced by a handoff into the same release, by the host's clock",
    only: "node",
  },
  notify: {
    text: "Who is told of a crash loop, a hand-back and a full disk.",
    settings: {
      command: {
        kind: "a command",
        text: "For the shell, with the document on its stdin",
        only: "node",
      },
      url: {
        kind: "an http or https URL",
        text: "The document is posted there",
        only: "node",
      },
      timeoutMs: {
        kind: "a positive whole number",
        default: 10_000,
        text: "How long one attempt may take",
        only: "node",
      },
    },
  },
  metrics: {
    text: "Where the supervisor serves them, on this host alone, as /metrics; without: nowhere.",
    settings: {
      port: { kind: "a port", text: "Of loopback, 127.0.0.1" },
      socket: { kind: 'a path that begins with "/"', text: "A Unix socket of up to 90 bytes" },
    },
  },
  keepReleases: {
    kind: "a positive whole number",
    default: 5,
    text: "Releases kept on a host after each commit",
  },
});

export interface SettingRow {
  /** `timeouts.readyMs`, or the section itself, which comes before what is in it. */
  path: string;
  kind: SettingKind | "an object";
  default?: number | string | boolean;
  only?: "node" | "beam";
}

/** As one list. */
export const SETTING_ROWS: readonly SettingRow[] = Object.entries<Setting | SettingSection>(
  SETTINGS,
).flatMap(([name, entry]): SettingRow[] => {
  if (!("settings" in entry)) return [rowOf(name, entry)];
  const below = Object.entries(entry.settings).map(([key, row]) => rowOf(`${name}.${key}`, row));
  return [{ path: name, kind: "an object" }, ...below];
});

function rowOf(path: string, { text, ...row }: Setting): SettingRow {
  return { path, ...row };
}
