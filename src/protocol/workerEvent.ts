/**
 * The shape of what a worker says. An application shares the channel with tsugi's own code in it, and
 * a worker may be of another version: what is damaged is ignored, it must not end a supervisor.
 */
import { Check, type Expected, isRecord, mismatch } from "../contract/checks.ts";
import type { WorkerEvent } from "./worker.ts";

const FAMILIES: readonly unknown[] = [4, 6, "pipe", "fd", "udp4", "udp6"];

const KEY = {
  family: new Check("a family", (value) => FAMILIES.includes(value)),
  address: "a text or null",
  port: "an integer",
  ordinal: "an integer",
} as const;
const ERROR = { code: "a text", message: "a text", hint: "a text" } as const;
const STATE = {
  name: "a text",
  version: "an integer",
  upgradesFrom: "a list",
  downgradesFrom: "a list",
} as const;

const EXPECTED: Record<WorkerEvent["type"], Expected> = {
  hears: {},
  reply: { id: "an integer", "error?": ERROR, "holders?": "a list" },
  listen: { id: "an integer", key: KEY, flags: "an integer" },
  unlisten: { key: KEY },
  claim: { key: KEY },
  ready: { states: [STATE] },
  failed: { error: ERROR },
  connection: { meta: { kind: "a text", key: KEY } },
  carries: {},
  sent: { connections: "an integer" },
  adopted: { connections: [{ kind: "a text", quietMs: "a number" }] },
  refused: {},
  consoleOutput: { session: "an integer", data: "a text" },
  consoleClosed: { session: "an integer" },
  lateAccess: { state: "a text" },
  notice: { text: "a text" },
  outputLost: { count: "an integer" },
};

/** Undefined for what is no event, or not a whole one. */
export function wholeWorkerEvent(value: unknown): WorkerEvent | undefined {
  if (!isRecord(value) || typeof value.type !== "string" || !Object.hasOwn(EXPECTED, value.type)) {
    return undefined;
  }
  const problem = mismatch(value, EXPECTED[value.type as WorkerEvent["type"]]);
  return problem === undefined ? (value as unknown as WorkerEvent) : undefined;
}
