import { hot } from "tsugi/hot";
import type { Result } from "./store.ts";

/** One line of the feed. Sequences have no gaps: a viewer that sees one has missed something. */
export interface FeedEvent {
  sequence: number;
  admiral: string;
  experience: number;
}

/** What has happened since the service was started. It is in no database: upgrades carry it on. */
export interface Live {
  sequence: number;
  /** Admiral → experience. */
  experience: Map<string, number>;
  /** The newest last; for viewers that come back. */
  recent: FeedEvent[];
}

const RECENT_EVENTS = 1_000;

const live = hot.state("live", {
  version: 1,
  initial: (): Live => ({ sequence: 0, experience: new Map(), recent: [] }),
});

/** Counts a result that is safely stored. */
export function record({ admiral, experience }: Result): FeedEvent {
  const state = live.value;
  state.sequence += 1;
  state.experience.set(admiral, (state.experience.get(admiral) ?? 0) + experience);

  const event = { sequence: state.sequence, admiral, experience };
  state.recent.push(event);
  if (state.recent.length > RECENT_EVENTS) state.recent.shift();
  return event;
}

export const sequence = () => live.value.sequence;

export const eventsAfter = (last: number) =>
  live.value.recent.filter((event) => event.sequence > last);

export const ranking = (length: number) =>
  [...live.value.experience]
    .map(([admiral, experience]) => ({ admiral, experience }))
    .sort((a, b) => b.experience - a.experience)
    .slice(0, length);

export function total() {
  let experience = 0;
  for (const one of live.value.experience.values()) experience += one;
  return { imports: live.value.sequence, experience };
}
