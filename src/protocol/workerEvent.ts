/**
 * The shape of what a worker says. An application shares the channel with tsugi's own code in it, and
 * a worker may be of another version: what is damaged is ignored, it must not end a supervisor.
 */
import { isRecord } from "./shape.ts";
import type { WorkerEvent } from "./worker.ts";

type Fields = Record<string, unknown>;

const isText = (value: unknown) => typeof value === "string";
const isNumber = (value: unknown) => Number.isSafeInteger(value);
const isKey = (value: unknown) =>
  isRecord(value) &&
  [4, 6, "pipe", "fd", "udp4", "udp6"].includes(value.family as number | string) &&
  (value.address === null || isText(value.address)) &&
  isNumber(value.port) &&
  isNumber(value.ordinal);
const isError = (value: unknown) =>
  isRecord(value) && isText(value.code) && isText(value.message) && isText(value.hint);
const isState = (value: unknown) =>
  isRecord(value) &&
  isText(value.name) &&
  isNumber(value.version) &&
  Array.isArray(value.upgradesFrom) &&
  Array.isArray(value.downgradesFrom);
const isAdopted = (value: unknown) =>
  isRecord(value) && isText(value.kind) && Number.isFinite(value.quietMs);

const WHOLE: Record<WorkerEvent["type"], (event: Fields) => boolean> = {
  reply: ({ id, error, holders }) =>
    isNumber(id) &&
    (error === undefined || isError(error)) &&
    (holders === undefined || Array.isArray(holders)),
  listen: ({ id, key, flags }) => isNumber(id) && isKey(key) && isNumber(flags),
  unlisten: ({ key }) => isKey(key),
  claim: ({ key }) => isKey(key),
  ready: ({ states }) => Array.isArray(states) && states.every(isState),
  failed: ({ error }) => isError(error),
  connection: ({ meta }) => isRecord(meta) && isText(meta.kind) && isKey(meta.key),
  carries: () => true,
  sent: ({ connections }) => isNumber(connections),
  adopted: ({ connections }) => Array.isArray(connections) && connections.every(isAdopted),
  refused: () => true,
  consoleOutput: ({ session, data }) => isNumber(session) && isText(data),
  consoleClosed: ({ session }) => isNumber(session),
  lateAccess: ({ state }) => isText(state),
  notice: ({ text }) => isText(text),
  outputLost: ({ count }) => isNumber(count),
};

/** Undefined for what is no event, or not a whole one. */
export function wholeWorkerEvent(value: unknown): WorkerEvent | undefined {
  if (!isRecord(value) || !isText(value.type) || !Object.hasOwn(WHOLE, value.type as string)) {
    return undefined;
  }
  return WHOLE[value.type as WorkerEvent["type"]](value) ? (value as WorkerEvent) : undefined;
}
