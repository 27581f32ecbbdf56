/**
 * Stands in for a server's handle while there is none: until the supervisor has answered a
 * `listen`, and while a frozen generation accepts nothing. The server stays `listening`, can be
 * closed, and does not emit 'close' by itself.
 */
import type { RawHandle } from "../node/internals.ts";

export interface PlaceholderOptions {
  /** The server was closed by the application. */
  onClose: () => void;
  /** What `server.address()` says meanwhile; absent: null. */
  address?: Record<string, unknown> | undefined;
}

export class PlaceholderHandle {
  /** The mode that `listen({ readableAll, writableAll })` asked of a Unix socket. */
  mode = 0;
  /** What Node hangs on a handle, kept for the real one. */
  onconnection: unknown;
  [key: symbol]: unknown;
  getsockname?: (out: Record<string, unknown>) => number;
  readonly #onClose: () => void;

  constructor({ onClose, address }: PlaceholderOptions) {
    this.#onClose = onClose;
    if (address !== undefined) {
      this.getsockname = (out) => {
        Object.assign(out, address);
        return 0;
      };
    }
  }

  fchmod(mode: number): number {
    this.mode = mode;
    return 0;
  }

  close(callback?: () => void): void {
    this.#onClose();
    if (callback) process.nextTick(callback);
  }

  /** Node believes that it listens. */
  listen(): number {
    return 0;
  }

  ref(): void {}
  unref(): void {}
  hasRef(): boolean {
    return false;
  }

  asHandle(): RawHandle {
    return this as unknown as RawHandle;
  }
}

/** Stands in for the handle of a bind that failed, so that Node itself makes the error. */
export function failedHandle(errno: number): RawHandle {
  return { listen: () => errno, close() {}, ref() {}, unref() {} } as unknown as RawHandle;
}
