/** The words that were meant by one that is not known, the most like it first. */
export function nearest(word: string, known: readonly string[], leastLikeness = 0): string[] {
  const wanted = partsOf(word);
  const likeness = (other: string) => {
    const parts = partsOf(other);
    return (2 * [...parts].filter((part) => wanted.has(part)).length) / (parts.size + wanted.size);
  };
  return known
    .map((name) => ({ name, likeness: likeness(name) }))
    .filter((one) => one.likeness >= leastLikeness)
    .sort((a, b) => b.likeness - a.likeness)
    .map(({ name }) => name);
}

/** Its letters and pairs of letters (Dice's coefficient): what two slips change is little of them. */
const partsOf = (word: string): Set<string> =>
  new Set(
    [...word.toLowerCase()].flatMap((letter, at, all) => [letter, letter + (all[at + 1] ?? "")]),
  );
