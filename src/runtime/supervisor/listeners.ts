/**
 * The listening sockets. The supervisor binds them and keeps them open for its whole life; every
 * worker that asks for the same key gets a copy of the same kernel socket and accepts by itself.
 * The supervisor never accepts: a connection that arrives while nobody does waits in the kernel.
 */
import { unlinkSync } from "node:fs";
import net from "node:net";
import { constants } from "node:os";
import { type ListenKey, listenKeyText } from "../../protocol/listenKey.ts";
import { createServerHandle } from "../node/bind.ts";
import { bindDatagrams } from "../node/datagrams.ts";

/** A raw TCP or Pipe handle of Node: what `server._handle` is. */
export interface RawHandle {
  close(callback?: () => void): void;
  getsockname?(out: { address?: string; port?: number; family?: string }): number;
}

interface Listener {
  key: ListenKey;
  handle: RawHandle;
  /** Generations that have asked for it. */
  generations: Set<number>;
}

export type BindResult = { handle: RawHandle } | { errno: number };

export class ListenerTable {
  readonly #listeners = new Map<string, Listener>();
  readonly #passed: readonly number[];

  /** `passed`: the only descriptors that an application may listen on by `{ fd }`. */
  constructor(passed: readonly number[] = []) {
    this.#passed = passed;
  }

  /** The handle for a key, bound now if it is new. `errno` is negative, as libuv's. */
  async open(key: ListenKey, generation: number, flags = 0): Promise<BindResult> {
    const text = listenKeyText(key);
    const known = this.#listeners.get(text);
    if (known) {
      known.generations.add(generation);
      return { handle: known.handle };
    }
    // Any other descriptor of this process is tsugi's own.
    if (key.family === "fd" && !this.#passed.includes(key.port))
      return { errno: -constants.errno.EBADF };
    let bound = bind(key, flags);
    if (typeof bound === "number" && key.family === "pipe" && (await isStale(key.address!))) {
      unlinkSync(key.address!);
      bound = bind(key, flags);
    }
    if (typeof bound === "number") return { errno: bound };
    this.#listeners.set(text, { key, handle: bound, generations: new Set([generation]) });
    return { handle: bound };
  }

  /** A worker has it already, for another generation in the same process. */
  claim(key: ListenKey, generation: number): void {
    this.#listeners.get(listenKeyText(key))?.generations.add(generation);
  }

  /** Takes over a socket that a predecessor has bound. */
  adopt(key: ListenKey, handle: RawHandle): void {
    this.#listeners.set(listenKeyText(key), { key, handle, generations: new Set() });
  }

  entries(): { key: ListenKey; handle: RawHandle }[] {
    return [...this.#listeners.values()];
  }

  /** Closes what only other generations have asked for; returns the keys. */
  retain(generation: number): ListenKey[] {
    const closed: ListenKey[] = [];
    for (const [text, listener] of this.#listeners) {
      if (listener.generations.has(generation)) continue;
      listener.handle.close();
      this.#listeners.delete(text);
      closed.push(listener.key);
    }
    return closed;
  }

  /** As people name them: without ports that the system had chosen, or that somebody listens on in another way. */
  namesOf(closed: readonly ListenKey[]): string[] {
    const isServed = ({ family, port }: ListenKey) =>
      family !== "pipe" && this.entries().some(({ key }) => key.port === port);
    const missed = closed.filter((key) => key.port !== 0 && !isServed(key));
    return [...new Set(missed.map(addressText))];
  }

  forget(key: ListenKey): void {
    const text = listenKeyText(key);
    this.#listeners.get(text)?.handle.close();
    this.#listeners.delete(text);
  }

  /** The real port of the first TCP listener, or its Unix path: where a health check goes. */
  firstAddress(): { port: number } | { path: string } | undefined {
    for (const { key } of this.#listeners.values()) {
      const address = this.addressOf(key);
      if (address !== undefined) return address;
    }
    return undefined;
  }

  /** Where this machine reaches it. */
  addressOf(key: ListenKey): { port: number; host: string } | { path: string } | undefined {
    const handle = this.#listeners.get(listenKeyText(key))?.handle;
    if (handle === undefined || isDatagrams(key)) return undefined;
    if (key.family === "pipe") return { path: key.address! };
    const bound: { address?: string; port?: number } = {};
    if (handle.getsockname?.(bound) !== 0 || !bound.port) return undefined;
    const { address = "", port } = bound;
    return { port, host: ANY_ADDRESS[address] ?? address };
  }

  closeAll(): void {
    for (const { handle } of this.#listeners.values()) handle.close();
    this.#listeners.clear();
  }
}

const ANY_ADDRESS: Record<string, string> = { "::": "localhost", "0.0.0.0": "127.0.0.1" };

export const isDatagrams = ({ family }: ListenKey) => family === "udp4" || family === "udp6";

function addressText(key: ListenKey): string {
  const { family, address, port } = key;
  if (family === "pipe") return address!;
  if (family === "fd") return `descriptor ${port}`;
  const text = isDatagrams(key) ? `UDP port ${port}` : `port ${port}`;
  return address === null ? text : `${text} of ${address}`;
}

function bind(key: ListenKey, flags: number): RawHandle | number {
  if (key.family === "udp4" || key.family === "udp6") {
    return bindDatagrams(key.family, key.address!, key.port, flags);
  }
  if (key.family === "pipe") return createServerHandle(key.address, -1, -1, undefined, flags);
  if (key.family === "fd") return createServerHandle(null, 0, null, key.port, flags);
  return createServerHandle(key.address, key.port, key.family, undefined, flags);
}

/** A socket file that nobody listens on was left by a killed process. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}
