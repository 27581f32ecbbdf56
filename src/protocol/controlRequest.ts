/**
 * The shape of a control request, held against what came over the socket: it may be of another
 * version of tsugi, or of no tsugi at all. Unknown keys are ignored; an unknown verb is for whoever
 * carries requests out.
 */

import { type Expected, isRecord, mismatch } from "../contract/checks.ts";
import { checkFormat, TsugiError } from "../contract/errors.ts";
import { CONTROL_FORMAT, type ControlRequest } from "./control.ts";

const WORKER = { "process?": "a text", "slot?": "a whole number" } as const;

const EXPECTED: Record<ControlRequest["verb"], Expected> = {
  ping: {},
  status: { "measure?": "true or false" },
  metrics: {},
  stop: {},
  reload: { "wait?": "true or false" },
  upgrade: { version: "a text", direction: "a text", options: "an object" },
  commit: {},
  unpack: {
    "version?": "a text",
    "source?": "a text",
    "force?": "true or false",
    "delta?": "true or false",
  },
  remove: { version: "a text" },
  prune: { keep: "a whole number" },
  rpc: { expression: "a text", "maxBytes?": "a positive whole number", ...WORKER },
  console: { terminal: "true or false", "columns?": "a whole number", ...WORKER },
  consoleInput: { data: "a text or null" },
};

/** @throws TSUGI_USAGE, TSUGI_FORMAT_UNKNOWN */
export function checkControlRequest(value: unknown): ControlRequest {
  if (!isRecord(value) || typeof value.verb !== "string") throw usage("not a control request");
  checkFormat(value, CONTROL_FORMAT, "the control request");
  const { verb } = value;
  const problem = Object.hasOwn(EXPECTED, verb) && mismatch(value, EXPECTED[verb as "ping"]);
  if (problem) throw usage(`${verb}: ${problem}`);
  return value as ControlRequest;
}

function usage(problem: string): TsugiError {
  return new TsugiError("TSUGI_USAGE", { problem, help: "bin/<app> help" });
}
