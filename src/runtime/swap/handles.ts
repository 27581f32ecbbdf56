/**
 * What an application starts that outlives a request: child processes, file watchers, sockets that
 * it opens, threads, intervals that packages run for it. Each belongs to the generation whose own
 * code is on the stack when it begins; what a package does by itself, later, is nobody's.
 *
 * Nothing here is on the path of a request that is only answered.
 */

import type { ChildProcess } from "node:child_process";
import type { Socket as UdpSocket } from "node:dgram";
import type { FSWatcher, StatWatcher } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import type { Worker as Thread } from "node:worker_threads";
import { orUndefined } from "../../contract/checks.ts";
import { isTimerOver } from "../node/modules.ts";
import { symbolsOf } from "../node/symbols.ts";
import { callingFile } from "./callers.ts";
import { LONG_MS, nameOf } from "./timers.ts";

/** What it is, for as long as it can still run. */
export type Look = () => string | undefined;

/** Asked when something has been started, of what, and how. */
type Observe<Made> = (made: Made, parts: unknown[]) => Look;

type AnyFunction = (this: unknown, ...parts: never[]) => unknown;

const FIRST_SWEEP = 256;

export class Handles {
  #started: { file: string; look: Look }[] = [];
  #sweepAt = FIRST_SWEEP;
  #isWatching = false;

  /** Once, when the first application is loaded that can be swapped. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    // Not imported: an application that cannot be swapped does not pay for them.
    const builtin = process.getBuiltinModule;
    const fs = builtin("node:fs");
    const timers = builtin("node:timers/promises");
    this.#method(builtin("node:child_process").ChildProcess.prototype, "spawn", childProcess);
    this.#method(net.Socket.prototype, "connect", outgoingSocket);
    this.#method(builtin("node:dgram").Socket.prototype, "bind", udpSocket);
    this.#function(fs, "watch", fileWatcher);
    this.#function(fs, "watchFile", statWatcher);
    this.#iterator(fs.promises, "watch", (path) => `file watcher ${path}`);
    this.#thread(builtin("node:worker_threads"));
    this.#function(globalThis, "setInterval", interval);
    this.#function(timers, "setTimeout", pause, ([ms]) => Number(ms) >= LONG_MS);
    this.#iterator(timers, "setInterval", (ms) => `interval of ${ms} ms`);
    syncBuiltinESMExports();
  }

  /** What the code of this file has started; it is not told again. */
  takeOf(file: string): Look[] {
    const taken = this.#started.filter((one) => one.file === file);
    this.#started = this.#started.filter((one) => one.file !== file);
    return taken.map(({ look }) => look);
  }

  #note(look: Look, below: AnyFunction): void {
    const file = callingFile(below);
    if (file === undefined) return;
    this.#started.push({ file, look });
    if (this.#started.length < this.#sweepAt) return;
    this.#started = this.#started.filter((one) => one.look() !== undefined);
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#started.length * 2);
  }

  /** What it was called on is what was started. */
  #method<Self>(owner: object, name: string, observe: Observe<Self>): void {
    const methods = owner as Record<string, AnyFunction>;
    const original = methods[name]!;
    const note = (self: Self, parts: unknown[], below: AnyFunction) =>
      this.#note(observe(self, parts), below);
    methods[name] = function watched(this: unknown, ...parts) {
      note(this as Self, parts, watched);
      return original.apply(this, parts);
    };
  }

  /** What it returned is what was started. */
  #function<Made>(
    owner: object,
    name: string,
    observe: Observe<Made>,
    isMeant: (parts: unknown[]) => boolean = () => true,
  ): void {
    const functions = owner as Record<string, AnyFunction>;
    const original = functions[name]!;
    const note = (made: Made, parts: unknown[], below: AnyFunction) =>
      this.#note(observe(made, parts), below);
    const watched: AnyFunction = function (this, ...parts) {
      const made = original.apply(this, parts);
      if (isMeant(parts)) note(made as Made, parts, watched);
      return made;
    };
    // `promisify(…)` and the like.
    functions[name] = Object.defineProperties(watched, symbolsOf(original));
  }

  /** Runs from the first `next` to the end of the loop over it. */
  #iterator(owner: object, name: string, describe: (first: unknown) => string): void {
    const functions = owner as Record<string, AnyFunction>;
    const original = functions[name] as (...parts: unknown[]) => AsyncIterable<unknown>;
    const note = (look: Look, below: AnyFunction) => this.#note(look, below);
    functions[name] = function watched(this: unknown, ...parts) {
      let runs = false;
      note(() => (runs ? describe(parts[0]) : undefined), watched);
      const made = original.apply(this, parts);
      return (async function* () {
        runs = true;
        try {
          yield* made;
        } finally {
          runs = false;
        }
      })();
    };
  }

  #thread(threads: typeof import("node:worker_threads")): void {
    const construct = (target: typeof Thread, parts: unknown[], made: object): Thread => {
      const thread = Reflect.construct(target, parts, made as typeof Thread) as Thread;
      const what = `worker thread ${parts[0]}`;
      this.#note(() => (thread.threadId === -1 ? undefined : what), construct as never);
      return thread;
    };
    const { Worker } = threads;
    Object.assign(threads, { Worker: new Proxy(Worker, { construct: construct as never }) });
  }
}

const childProcess: Observe<ChildProcess> = (child) => () => {
  const { pid, exitCode, signalCode, spawnfile } = child;
  const runs = pid !== undefined && exitCode === null && signalCode === null;
  return runs ? `child process ${spawnfile} (pid ${pid})` : undefined;
};

/** One that an agent of `node:http` keeps is everybody's, and runs nobody's code while it is idle. */
const outgoingSocket: Observe<net.Socket> = (socket) => () => {
  if (socket.destroyed || socket.listenerCount("agentRemove") > 0) return undefined;
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined
    ? "socket that connects"
    : `socket to ${remoteAddress}:${remotePort}`;
};

const udpSocket: Observe<UdpSocket> = (socket) => () =>
  orUndefined(() => `UDP socket on port ${socket.address().port}`);

const fileWatcher: Observe<FSWatcher> = (watcher, [path]) => {
  let runs = true;
  watcher.once("close", () => {
    runs = false;
  });
  return () => (runs ? `file watcher ${path}` : undefined);
};

const statWatcher: Observe<StatWatcher> =
  (watcher, [path]) =>
  () =>
    watcher.listenerCount("change") > 0 ? `file watcher ${path}` : undefined;

/** Of a package: an application's own code has timers of its own (timers.ts). */
const interval: Observe<NodeJS.Timeout> =
  (timer, [callback]) =>
  () =>
    isTimerOver(timer) ? undefined : `interval ${nameOf(callback)}`;

const pause: Observe<Promise<unknown>> = (promise, [ms]) => {
  let runs = true;
  const over = () => {
    runs = false;
  };
  promise.then(over, over);
  return () => (runs ? `timeout of ${ms} ms` : undefined);
};
