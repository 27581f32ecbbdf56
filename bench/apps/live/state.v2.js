import { hot } from "tsugi/hot";
import { makeValue } from "./value.js";

const { STATE_KIND, STATE_MEGABYTES } = process.env;

/** Every record is made anew: a migration that walks the state. */
const walk = (change) => (records) => {
  const next = new Map();
  for (const [key, record] of records) next.set(key, change(record));
  return next;
};

export const state = hot.state("value", {
  version: 2,
  initial: () => makeValue(STATE_KIND, Number(STATE_MEGABYTES)),
  upgrade: { 1: walk(({ name, rank, points }) => ({ name, rank, points, fleet: "combined" })) },
  downgrade: { 2: walk(({ name, rank, points }) => ({ name, rank, points })) },
});
