/**
 * Messages with a `cmd` that begins with `NODE_`: Node keeps them from the application, and gives a
 * handle that came beside one as it is, without making a socket of it.
 */
import type { ChildProcess } from "node:child_process";
import type { EventEmitter } from "node:events";
import type { RawHandle } from "./internals.ts";

export function onInternalMessage(
  from: ChildProcess | NodeJS.Process,
  listener: (message: unknown, handle: RawHandle | undefined) => void,
): void {
  (from as EventEmitter).on("internalMessage", listener);
}
