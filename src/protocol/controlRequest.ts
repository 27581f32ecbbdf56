/**
 * The shape of a control request, held against what came over the socket: it may be of another
 * version of tsugi, or of no tsugi at all. Unknown keys are ignored; an unknown verb is for whoever
 * carries requests out.
 */
import { TsugiError } from "../contract/errors.ts";
import { CONTROL_FORMAT, type ControlRequest } from "./control.ts";
import { CHECKS, isRecord, type Kind } from "./shape.ts";

/** A `?` behind the name: it may be left out. */
type Shape = Record<string, Kind>;

const WORKER: Shape = { "process?": "a text", "slot?": "a whole number" };

const SHAPES: Record<ControlRequest["verb"], Shape> = {
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
    "partial?": "true or false",
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
  if (value.format !== CONTROL_FORMAT) {
    throw new TsugiError("TSUGI_FORMAT_UNKNOWN", {
      what: "the control request",
      found: JSON.stringify(value.format ?? null),
      expected: CONTROL_FORMAT,
    });
  }
  const shape = Object.hasOwn(SHAPES, value.verb) ? SHAPES[value.verb as "ping"] : {};
  for (const [name, kind] of Object.entries(shape)) {
    const key = name.replace("?", "");
    const found = value[key];
    if (found === undefined && key !== name) continue;
    if (!CHECKS[kind](found)) {
      throw usage(
        `"${key}" of a ${value.verb}: expected ${kind}, found ${JSON.stringify(found ?? null)}`,
      );
    }
  }
  return value as ControlRequest;
}

function usage(problem: string): TsugiError {
  return new TsugiError("TSUGI_USAGE", { problem, help: "bin/<app> help" });
}
