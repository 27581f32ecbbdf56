import { broadcast } from "./feed.ts";
import { type Call, HttpError, type Route, readJson } from "./http.ts";
import { ranking, record, total } from "./live.ts";
import type { Result, Store } from "./store.ts";
import { version } from "./version.ts";

export const routesOver = (store: Store): Route[] => [
  ["GET", /^\/healthz$/, () => healthz(store)],
  ["POST", /^\/results$/, (call) => importResult(store, call)],
  ["GET", /^\/admirals\/(?<admiral>[^/]+)$/, (call) => career(store, call)],
  ["GET", /^\/ranking$/, ({ query }) => ({ body: ranking(lengthIn(query)) })],
  ["GET", /^\/totals$/, async () => ({ body: { live: total(), stored: await store.total() } })],
];

async function healthz(store: Store) {
  await store.ping();
  return { body: { healthy: true, version } };
}

async function importResult(store: Store, { request }: Call) {
  const result = parseResult(await readJson(request));
  if (!(await store.add(result))) return { body: { id: result.id, duplicate: true } };
  const event = record(result);
  broadcast(event);
  return { status: 201, body: { id: result.id, sequence: event.sequence } };
}

async function career(store: Store, { params }: Call) {
  const { admiral = "" } = params;
  const career = await store.career(admiral);
  if (!career) throw new HttpError(404, `No results of ${admiral}.`);
  return { body: { admiral, ...career } };
}

const lengthIn = (query: URLSearchParams) => Number(query.get("length") ?? 10);

function parseResult(body: unknown): Result {
  const { id, admiral, victories, experience } = (body ?? {}) as Record<string, unknown>;
  if (!isName(id) || !isName(admiral) || !isCount(victories) || !isCount(experience)) {
    throw new HttpError(400, "Expected { id, admiral, victories, experience }.");
  }
  return { id, admiral, victories, experience };
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 64;

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 1_000_000;
