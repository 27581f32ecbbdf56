/** Listeners as `EventEmitter` itself finds them. */
import { EventEmitter } from "node:events";
import { symbolOf } from "./symbols.ts";

export type Listener = (...parts: unknown[]) => unknown;

export type EmitterInternals = EventEmitter & {
  _events?: Record<string | symbol, Listener | Listener[] | undefined>;
};

const CAPTURES = symbolOf(EventEmitter.prototype, "kCapture");

export const listenersOf = (emitter: EmitterInternals, event: string) => emitter._events?.[event];

/** A promise of a listener that rejects becomes an 'error' event. */
export const capturesRejections = (emitter: EmitterInternals | undefined): boolean =>
  CAPTURES !== undefined && Boolean((emitter as unknown as Record<symbol, unknown>)?.[CAPTURES]);
