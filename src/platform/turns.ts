/** One after the other within this process; a lock (lock.ts) is for several. */
export function takingTurns(): <T>(body: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (body) => {
    const turn = last.then(body);
    last = turn.catch(() => {});
    return turn;
  };
}
