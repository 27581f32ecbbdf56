/**
 * Who has waited while a socket was quiet. What its peer has sent lies in the kernel, and nobody can
 * ask how much it is: the first read says so. It comes with the next poll of the event loop, which
 * is over in the second turn from now.
 */
import type { SocketInternals } from "../node/internals.ts";

export const onceRead = (): Promise<void> => {
  reading ??= nextPoll();
  return reading;
};

/** Of thousands that are read from one turn on: one look for all of them. */
let reading: Promise<void> | undefined;

async function nextPoll(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  reading = undefined;
  await new Promise((resolve) => setImmediate(resolve));
}

/** Called before they are read again: on how many of them something had come. */
export async function withUnread(sockets: readonly SocketInternals[]): Promise<number> {
  if (sockets.length === 0) return 0;
  const before = sockets.map(({ bytesRead }) => bytesRead);
  await onceRead();
  return sockets.filter(({ bytesRead }, index) => bytesRead > before[index]!).length;
}
