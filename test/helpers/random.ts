/** Chance that can be repeated: the same seed, the same numbers. */

/** A whole number from 0 to below `below`. */
export type Random = (below: number) => number;

/** mulberry32 */
export function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export const oneOf = <T>(choices: readonly T[], below: Random): T =>
  choices[below(choices.length)]!;

export function shuffled<T>(items: readonly T[], below: Random): T[] {
  const deck = [...items];
  for (let at = deck.length - 1; at > 0; at -= 1) {
    const other = below(at + 1);
    [deck[at], deck[other]] = [deck[other]!, deck[at]!];
  }
  return deck;
}
