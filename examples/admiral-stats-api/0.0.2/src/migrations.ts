import type { FeedEvent, Live } from "./live.ts";

/** The live state as version 1 had it, until 0.0.1 of this service. */
export interface LiveVersion1 {
  sequence: number;
  /** Admiral → experience. */
  experience: Map<string, number>;
  recent: FeedEvent[];
}

/**
 * Both directions are pure: they build new values and leave the old ones alone, because the old
 * version goes on with them if anything fails after this.
 */
export function fromVersion1({ sequence, experience, recent }: LiveVersion1): Live {
  const best = new Map<string, number>();
  for (const event of recent) {
    best.set(event.admiral, Math.max(event.experience, best.get(event.admiral) ?? 0));
  }
  const standings = [...experience].map(
    ([admiral, sum]) => [admiral, { experience: sum, best: best.get(admiral) ?? 0 }] as const,
  );
  return { sequence, standings: new Map(standings), recent: [...recent] };
}

/** Going back loses what version 1 has no place for: each admiral's best result. */
export function toVersion1({ sequence, standings, recent }: Live): LiveVersion1 {
  const experience = [...standings].map(([admiral, of]) => [admiral, of.experience] as const);
  return { sequence, experience: new Map(experience), recent: [...recent] };
}
