import { hot } from "tsugi/hot";
import { fromVersion1, toVersion1 } from "./migrations.ts";
import type { Result } from "./store.ts";

/** One line of the feed. Sequences have no gaps: a viewer that sees one has missed something. */
export interface FeedEvent {
  sequence: number;
  admiral: string;
  experience: number;
}

export interface Standing {
  experience: number;
  /** Of a single result. */
  best: number;
}

/** What has happened since the service was started. It is in no database: upgrades carry it on. */
export interface Live {
  sequence: number;
  /** By admiral. */
  standings: Map<string, Standing>;
  /** The newest last; for viewers that come back. */
  recent: FeedEvent[];
}

const RECENT_EVENTS = 1_000;

const live = hot.state("live", {
  version: 2,
  initial: (): Live => ({ sequence: 0, standings: new Map(), recent: [] }),
  upgrade: { 1: fromVersion1 },
  downgrade: { 2: toVersion1 },
});

/** Counts a result that is safely stored. */
export function record({ admiral, experience }: Result): FeedEvent {
  const state = live.value;
  const standing = state.standings.get(admiral) ?? { experience: 0, best: 0 };
  state.sequence += 1;
  state.standings.set(admiral, {
    experience: standing.experience + experience,
    best: Math.max(standing.best, experience),
  });

  const event = { sequence: state.sequence, admiral, experience };
  state.recent.push(event);
  if (state.recent.length > RECENT_EVENTS) state.recent.shift();
  return event;
}

export const sequence = () => live.value.sequence;

export const eventsAfter = (last: number) =>
  live.value.recent.filter((event) => event.sequence > last);

export const ranking = (by: keyof Standing, length: number) =>
  [...live.value.standings]
    .map(([admiral, standing]) => ({ admiral, ...standing }))
    .sort((a, b) => b[by] - a[by])
    .slice(0, length);

export function total() {
  let experience = 0;
  for (const standing of live.value.standings.values()) experience += standing.experience;
  return { imports: live.value.sequence, experience };
}
