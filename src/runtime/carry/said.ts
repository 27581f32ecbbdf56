/** What an application has sent may have to be compressed, or read, before it is written: nothing tells when. */
import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "./connection.ts";

const LOOK_MS = 2;

/** Resolves when all of it is with the sockets of these. */
export async function whenSaid(connections: readonly Connection[]): Promise<void> {
  const isSpeaking = ({ socket, hasSaid }: Connection) => !hasSaid && !socket.destroyed;
  while (connections.some(isSpeaking)) await delay(LOOK_MS);
}
