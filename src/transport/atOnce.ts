/**
 * How many logins go on at a time. Each is a key exchange, and this machine is at one end of all of them: of a
 * thousand begun at once, on two processors, none would be through before its patience ends.
 */
export const LOGINS_AT_ONCE = 64;

let underWay = 0;
const waiting: (() => void)[] = [];

/** Waits for a turn, which lasts until `body` ends. */
export async function amongLogins<T>(body: () => Promise<T>): Promise<T> {
  if (underWay === LOGINS_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else underWay += 1;
  try {
    return await body();
  } finally {
    // Whoever is next has this one's place.
    const next = waiting.shift();
    if (next === undefined) underWay -= 1;
    else next();
  }
}
