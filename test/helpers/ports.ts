/**
 * Ports for those who are told theirs. Not from where the kernel takes the ports of outgoing
 * connections and of `listen(0)`: there somebody else may get the same one before it is listened on.
 * And none twice: as long as this process lives, it holds the UDP port of the same number, which is
 * how others that look for one see that it is given away.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const FIRST = 10_000;
/** Linux takes its own from 32,768 on, macOS from 49,152. */
const END = 32_000;
const TRIES = 1000;

/** Free on all addresses of this machine. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST));
    if ((await isUnheard(port)) && (await hold(port))) return port;
  }
  throw new Error(`none of ${TRIES} ports from ${FIRST} to ${END} is free`);
}

/** Something listens on that port, of this machine by default. */
export function accepts(port: number, address = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function isUnheard(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port), "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}

async function hold(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ port, address: "127.0.0.1", exclusive: true });
    await once(socket, "listening");
    socket.unref();
    return true;
  } catch {
    socket.close();
    return false;
  }
}
