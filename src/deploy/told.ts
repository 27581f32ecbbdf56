/** What is said of each host, where it may be said of a thousand: a reader has room for the first ones. */
const MOST_TOLD = 12;

/** The others are counted; events, the result of `--json` and each host's own log have them all. */
export function firstOf(told: string[]): string[] {
  if (told.length <= MOST_TOLD) return told;
  const others = told.length - MOST_TOLD + 1;
  return [...told.slice(0, MOST_TOLD - 1), `and ${others} other hosts`];
}

/** `a, b, c`, or the first and the last of many. */
export const namesText = (names: string[]): string =>
  names.length <= MOST_TOLD
    ? names.join(", ")
    : `${names.slice(0, 2).join(", ")} … ${names.at(-1)} (${names.length} hosts)`;
