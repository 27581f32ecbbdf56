/**
 * One server of the application that listens, and the handle it shares with the other workers.
 *
 *   asked ──reply──► standby ──accept()──► accepting ──freeze()──► frozen ──accept()──► accepting
 *     │                 │                       │                    │
 *     └──────────── server.close() by the application, at any time ──┴──► closed
 *
 * In standby the server has its handle and has emitted 'listening', but accepts nothing. Frozen,
 * it has no handle at all: connections wait in the kernel, in the queue that all workers share.
 *
 * Two generations in one process (a swap) have one handle for a key between them:
 *
 *   asked ──beginLent──► lent ──takeFrom(other)──► accepting      the other one: accepting ──► lent
 */
import { AsyncResource } from "node:async_hooks";
import { constants } from "node:os";
import type { ListenKey } from "../../protocol/listenKey.ts";
import type { WorkerRequest } from "../../protocol/worker.ts";
import { handleOf, isUnref, setHandle } from "../node/fields.ts";
import type {
  ListenArguments,
  ListenFunction,
  RawHandle,
  ServerInternals,
} from "../node/internals.ts";
import { copySymbols } from "../node/symbols.ts";
import { failedHandle, PlaceholderHandle } from "./placeholder.ts";
import { type Route, routeTo } from "./routes.ts";

export type ListenReply = Extract<WorkerRequest, { type: "listenReply" }>;

const DEFAULT_BACKLOG = 511;

export class Listening {
  readonly server: ServerInternals;
  readonly key: ListenKey;
  readonly #asked: ListenArguments;
  readonly #listen2: ListenFunction;
  readonly #onClosed: () => void;
  /** Runs callbacks in the async context of the application's `listen` call. */
  readonly #context = new AsyncResource("TSUGI_LISTEN");
  #placeholder: PlaceholderHandle;
  #handle: RawHandle | null = null;
  state: "asked" | "standby" | "accepting" | "frozen" | "lent" | "closed" = "asked";
  /** The servers of all generations in this process that this socket's connections belong to. */
  route: Route;
  /** When it was closed, another generation had the socket. */
  wasLent = false;
  /** Accepted since `freezeForSwap`: nobody has seen them. */
  #kept: unknown[][] | undefined;

  constructor(
    server: ServerInternals,
    key: ListenKey,
    asked: ListenArguments,
    listen2: ListenFunction,
    onClosed: () => void,
  ) {
    this.server = server;
    this.route = routeTo(server);
    this.key = key;
    this.#asked = asked;
    this.#listen2 = listen2;
    this.#onClosed = onClosed;
    this.#placeholder = this.#standIn(addressOf(key));
    setHandle(server, this.#placeholder.asHandle());
  }

  get backlog(): number {
    return this.#asked.backlog || DEFAULT_BACKLOG;
  }

  get flags(): number {
    return this.#asked.flags ?? 0;
  }

  /** Whether the application wants this server to keep its process alive. */
  get wantsLife(): boolean {
    return this.state !== "closed" && !isUnref(this.server);
  }

  /** The supervisor's first answer: 'listening' or 'error' follows, as under plain Node. */
  begin(handle: RawHandle): void {
    if (this.state === "closed") {
      handle.close();
      return;
    }
    handle.listen = () => 0;
    if (this.#placeholder.mode !== 0) handle.fchmod?.(this.#placeholder.mode);
    this.state = "standby";
    this.#take(handle);
    this.#callListen2();
  }

  /** The generation that serves in this process has the socket: it is shown, not asked for. */
  beginLent(other: Listening): void {
    if (this.state === "closed") return;
    const address: Record<string, unknown> = {};
    handleOf(other.server)?.getsockname?.(address);
    this.#placeholder = this.#standIn("address" in address ? address : undefined);
    setHandle(this.server, this.#placeholder.asHandle());
    this.state = "lent";
    this.#callListen2();
  }

  /** Connections that come in are kept unseen until `takeFrom` or `thaw`. */
  freezeForSwap(): void {
    if (this.state !== "accepting" || this.#kept !== undefined) return;
    const kept: unknown[][] = [];
    this.#kept = kept;
    this.#placeholder = this.#standIn(undefined);
    this.#placeholder.onconnection = this.#handle!.onconnection;
    this.#handle!.onconnection = (...parts: unknown[]) => void kept.push(parts);
  }

  /** What was kept is accepted now. */
  thaw(): void {
    if (this.#kept === undefined) return;
    this.#handle!.onconnection = this.#placeholder.onconnection;
    this.#acceptKept();
  }

  /** The socket that the other generation in this process accepts from is this one's from now on. */
  takeFrom(other: Listening): void {
    const handle = other.#handle!;
    const kept = other.#giveAway(handle);
    this.#handle = handle;
    moveOwner(this.#placeholder, handle);
    this.#take(handle);
    if (isUnref(this.server)) handle.unref();
    else handle.ref();
    this.state = "accepting";
    this.route = other.route;
    this.route.server = this.server;
    this.#kept = kept;
    if (kept !== undefined) this.#acceptKept();
  }

  #giveAway(handle: RawHandle): unknown[][] | undefined {
    const address: Record<string, unknown> = {};
    handle.getsockname?.(address);
    const placeholder = this.#standIn(handle.getsockname ? address : undefined);
    moveOwner(handle, placeholder);
    const kept = this.#kept;
    if (kept !== undefined) placeholder.onconnection = this.#placeholder.onconnection;
    this.#kept = undefined;
    this.#placeholder = placeholder;
    this.#handle = null;
    setHandle(this.server, placeholder.asHandle());
    this.state = "lent";
    return kept;
  }

  #acceptKept(): void {
    const handle = this.#handle!;
    const { onconnection } = handle as { onconnection: (...parts: unknown[]) => void };
    for (const parts of this.#kept?.splice(0) ?? []) onconnection.apply(handle, parts);
    this.#kept = undefined;
  }

  /** The other generation has closed it meanwhile: it is asked for after all. */
  lose(): void {
    if (this.state !== "lent") return;
    this.#handle = this.#placeholder.asHandle();
    this.state = "frozen";
  }

  /** By Node's own failure of `listen`; `errno` as the kernel has it, of either sign. */
  fail(errno: number): void {
    if (this.state === "closed") return;
    this.state = "closed";
    setHandle(this.server, failedHandle(-Math.abs(errno)));
    this.#callListen2(Math.abs(errno) === constants.errno.EADDRINUSE ? "::" : "0.0.0.0");
  }

  /** From here on connections are accepted. `fresh` is needed after a freeze. Returns an errno. */
  accept(fresh?: RawHandle): number {
    if (this.state === "frozen" && fresh !== undefined) this.#putBack(fresh);
    else if (this.state !== "standby") {
      fresh?.close();
      return 0;
    }
    const handle = this.#handle!;
    delete (handle as Partial<RawHandle>).listen;
    const errno = handle.listen(this.backlog);
    if (errno === 0) this.state = "accepting";
    return errno;
  }

  /** Closes this process's copy of the socket; what connects now waits for another worker. */
  freeze(): void {
    if (this.state !== "accepting" && this.state !== "standby") return;
    this.thaw();
    const handle = this.#handle!;
    const address: Record<string, unknown> = {};
    handle.getsockname?.(address);
    this.#placeholder = this.#standIn(handle.getsockname ? address : undefined);
    setHandle(this.server, this.#placeholder.asHandle());
    delete (handle as Partial<RawHandle>).close;
    handle.close();
    this.state = "frozen";
  }

  #putBack(fresh: RawHandle): void {
    const old = this.#handle!;
    copySymbols(old, fresh);
    fresh.onconnection = old.onconnection;
    if (isUnref(this.server)) fresh.unref();
    setHandle(this.server, fresh);
    this.#take(fresh);
  }

  #take(handle: RawHandle): void {
    this.#handle = handle;
    handle.close = (callback) => {
      delete (handle as Partial<RawHandle>).close;
      handle.close(callback);
      this.#closed();
    };
    setHandle(this.server, handle);
  }

  #callListen2(failedAddress?: string): void {
    let { address, port, addressType, backlog, fd, flags } = this.#asked;
    if (!address && typeof fd !== "number" && this.key.family !== "pipe") {
      // Plain Node names what it bound, not what was asked.
      const bound: { address?: string } = {};
      this.#handle?.getsockname?.(bound as Record<string, unknown>);
      address = failedAddress ?? bound.address ?? "::";
      addressType = address.includes(":") ? 6 : 4;
    }
    this.#context.runInAsyncScope(() =>
      this.#listen2.call(this.server, address, port, addressType, backlog, fd, flags),
    );
  }

  #standIn(address: Record<string, unknown> | undefined): PlaceholderHandle {
    return new PlaceholderHandle({ onClose: () => this.#closed(), address });
  }

  #closed(): void {
    if (this.state === "closed") return;
    this.wasLent = this.state === "lent";
    this.state = "closed";
    this.#onClosed();
  }
}

/** Node finds a handle's server by a symbol of its own. */
function moveOwner(from: object, to: object): void {
  copySymbols(from, to);
  (to as RawHandle).onconnection = (from as RawHandle).onconnection;
}

/** What `server.address()` can say before there is a socket: everything but the port of `listen(0)`. */
function addressOf(key: ListenKey): Record<string, unknown> | undefined {
  if (typeof key.family !== "number" || key.port === 0) return undefined;
  return { address: key.address ?? "::", port: key.port, family: `IPv${key.family}` };
}
