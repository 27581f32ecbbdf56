/**
 * What `bin/<app>` and a running supervisor say to each other over `run/control.sock`:
 * one JSON document a line. The client sends one ControlRequest; the supervisor answers with any
 * number of events and exactly one `done` or `error`, then closes. `console` goes on in both
 * directions until one side closes.
 */
import type { ErrorJson } from "../contract/errors.ts";

export const CONTROL_FORMAT = 1;

export interface UpgradeOptions {
  /** Run a `check` only: up to and including rehearse, then throw it away. */
  checkOnly?: boolean;
  /** Leave it current, not permanent: `install`. */
  installOnly?: boolean;
  rehearse?: "auto" | "full" | "skip";
  /** Answer only when nothing of the old version runs any more. */
  wait?: boolean;
  /** `check --boot`: boot also an app that does not use `hot`. */
  boot?: boolean;
}

export type ControlRequest = { format: typeof CONTROL_FORMAT } & (
  | { verb: "ping" }
  /** `measure`: and how busy each worker is. */
  | { verb: "status"; measure?: boolean }
  | { verb: "metrics" }
  | { verb: "stop" }
  | { verb: "reload"; wait?: boolean }
  | {
      verb: "upgrade";
      version: string;
      direction: "upgrade" | "downgrade" | "rollback";
      options: UpgradeOptions;
    }
  | { verb: "commit" }
  /** `source` is an absolute path, or absent for the drop box. */
  | {
      verb: "unpack";
      version?: string;
      source?: string;
      force?: boolean;
      delta?: boolean;
    }
  | { verb: "remove"; version: string }
  | { verb: "prune"; keep: number }
  | { verb: "rpc"; expression: string; process?: string; slot?: number; maxBytes?: number }
  | { verb: "console"; process?: string; slot?: number; columns?: number; terminal: boolean }
  | { verb: "consoleInput"; data: string | null }
);

export type ControlEvent =
  /** A step has begun or ended: the lines that `upgrade` prints. */
  | { event: "step"; name: string; state: "begin" | "end"; ms?: number; text?: string }
  | { event: "line"; text: string }
  | { event: "output"; data: string }
  | { event: "done"; value: unknown }
  | { event: "error"; error: ErrorJson; value?: unknown };
