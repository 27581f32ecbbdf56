/**
 * A pipe between two workers that the supervisor makes and hands out, so that state flows from the
 * old generation to the new without passing through the supervisor's memory.
 */

import { rm } from "node:fs/promises";
import net from "node:net";
import { rawHandleOf } from "../node/fields.ts";
import type { RawHandle } from "./listeners.ts";

export interface StatePipe {
  sender: RawHandle;
  receiver: RawHandle;
  /** Closes our copies of both ends, once they have been sent (or not). */
  close(): void;
}

let lastPipe = 0;

/** The path is relative: the supervisor's working directory is `run/`, and long paths are cut. */
export async function createStatePipe(): Promise<StatePipe> {
  lastPipe += 1;
  const path = `state.${process.pid}.${lastPipe}`;
  const server = net.createServer({ pauseOnConnect: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    const accepted = new Promise<net.Socket>((resolve) => server.once("connection", resolve));
    const connecting = net.connect(path).pause();
    const [sender, receiver] = await Promise.all([accepted, connected(connecting)]);
    const ends = [sender, receiver].map(rawHandleOf);
    const close = () => {
      for (const end of ends.splice(0)) end.close();
    };
    return { sender: ends[0]!, receiver: ends[1]!, close };
  } finally {
    server.close();
    await rm(path, { force: true });
  }
}

const connected = (socket: net.Socket) =>
  new Promise<net.Socket>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
