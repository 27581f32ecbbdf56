/** One connection of a registered `net.Server`, in the generation that has it. */

import type { AnyCarryOptions } from "../../../hot/registry.ts";
import type { Holder } from "../../../protocol/worker.ts";
import type { EmitterInternals } from "../../node/events.ts";
import { handleOf } from "../../node/fields.ts";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import { becomePending, isPending, namesOf, type SocketNames } from "../../node/pending.ts";
import { quietSinceMs, resumeReading, stopReading, takeHandle } from "../../node/quiet.ts";
import { becomeUnread, takeUnread } from "../../node/unread.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection, Parcel } from "../connection.ts";
import { InFlight } from "../inFlight.ts";
import { comeBack, type Follow, leaveBehind } from "../moved.ts";
import { override } from "../override.ts";
import { saveConnection } from "../saved.ts";

/** `ConnectionMeta.data` of kind "tcp". */
export interface TcpRecord {
  /** What the application's `save` returned. */
  saved: unknown;
  names?: SocketNames;
}

/** A socket that changes hands as it is. */
export interface GivenSocket {
  socket: SocketInternals;
  saved: unknown;
  closed: unknown[] | undefined;
}

// biome-ignore lint/complexity/noBannedTypes: as Node has them
type OwnListeners = [event: string | symbol, listeners: Function[]][];

/** Events by which an application gets the bytes of a socket. */
const DATA_EVENTS = new Set<string | symbol>(["data", "readable"]);

export class TcpConnection implements Connection {
  readonly socket: SocketInternals;
  readonly inFlight = new InFlight();
  /** An async 'connection' listener is at work on it. */
  isAttended = true;
  readonly #options: AnyCarryOptions;
  readonly #carrier: Carrier;
  /** Node's own. */
  readonly #ownListeners: OwnListeners;
  readonly #undo: () => void;
  #isStill = false;
  #isGone = false;
  /** The arguments of a 'close' that came while it was still. */
  #closed: unknown[] | undefined;

  /** Before the application has seen it. */
  constructor(
    socket: SocketInternals,
    options: AnyCarryOptions,
    carrier: Carrier,
    given?: GivenSocket,
  ) {
    this.socket = socket;
    this.#closed = given?.closed;
    this.#isStill = given !== undefined;
    this.#ownListeners = socket.eventNames().map((event) => [event, socket.rawListeners(event)]);
    this.#options = options;
    this.#carrier = carrier;
    this.inFlight.onIdle = () => carrier.onChange();
    this.#undo = this.#observeEvents();
  }

  /** Once this side has ended its half, the rest of the end is for the one who began it. */
  get isMovable(): boolean {
    if (this.hasEnded) return true;
    const { socket } = this;
    if (socket.encrypted || socket.destroyed || !socket.writable) return false;
    return handleOf(socket) !== null || isPending(socket);
  }

  get hasEnded(): boolean {
    return this.#closed !== undefined;
  }

  still(): void {
    if (this.#isStill) return;
    this.#isStill = true;
    stopReading(this.socket);
  }

  /** Nothing tells what comes for it: bytes may be read in many ways. */
  hold(): void {
    this.still();
  }

  get isWaitedFor(): boolean {
    return this.hasEnded;
  }

  resume(): void {
    if (!this.#isStill) return;
    this.#isStill = false;
    if (this.#closed) this.socket.emit("close", ...this.#closed);
    else resumeReading(this.socket);
  }

  holder(): Holder | undefined {
    if (this.hasEnded || this.inFlight.isIdle) return undefined;
    const { remoteAddress, remotePort } = this.socket;
    const name = `connection of ${remoteAddress}:${remotePort}`;
    return { kind: "socket", name, ageMs: this.inFlight.ageMs };
  }

  get isIdle(): boolean {
    return this.isAttended && this.inFlight.isIdle;
  }

  get isTellable(): boolean {
    return this.isIdle;
  }

  isFree(): boolean {
    if (this.hasEnded) return true;
    const { socket } = this;
    return this.isIdle && socket.writableLength === 0 && !isPending(socket);
  }

  record(): TcpRecord {
    const { socket } = this;
    const saved = saveConnection(this.#options, socket);
    return { saved, names: namesOf(handleOf(socket)) };
  }

  take(follow?: Follow): Parcel {
    const { socket } = this;
    const since = quietSinceMs(socket);
    this.#isGone = true;
    if (this.hasEnded) {
      return { handle: undefined, head: Buffer.alloc(0), quietSinceMs: since };
    }
    const head = takeUnread(socket);
    const handle = follow ? leaveBehind(socket, follow) : takeHandle(socket);
    return { handle, head, quietSinceMs: since };
  }

  forget(): void {
    this.socket.destroy();
  }

  /** Its handle has come. */
  attached(): void {
    if (this.#isStill) stopReading(this.socket);
  }

  /** In place: lets go of it as it is. Throws, with nothing changed, when `save` does. */
  give(): GivenSocket {
    const { socket } = this;
    const saved = saveConnection(this.#options, socket);
    this.#beAsAccepted();
    return { socket, saved, closed: this.#closed };
  }

  /** The object that the application had, as if it had just come. Undefined: it has ended it. */
  comeBack(server: ServerInternals, names: SocketNames | undefined): SocketInternals | undefined {
    const { socket } = this;
    if (socket.destroyed) return undefined;
    comeBack(socket, server);
    this.#beAsAccepted();
    return becomePending(socket, server, names);
  }

  #beAsAccepted(): void {
    const { socket } = this;
    this.#undo();
    if (!socket.destroyed) becomeUnread(socket);
    socket.removeAllListeners();
    for (const [event, listeners] of this.#ownListeners) {
      for (const listener of listeners) socket.on(event as string, listener as () => void);
    }
  }

  /** 'close' is held back while it is still; nothing of one that has gone reaches the application. */
  #observeEvents(): () => void {
    const socket = this.socket as SocketInternals & EmitterInternals;
    const { inFlight } = this;
    const emit = socket.emit;
    const hold = (event: string | symbol, parts: unknown[]) => this.#hold(event, parts);
    return override(socket, "emit", ((event: string | symbol, ...parts: unknown[]) => {
      if (hold(event, parts)) return true;
      if (DATA_EVENTS.has(event)) return inFlight.emit(socket, event as string, parts);
      return Reflect.apply(emit, socket, [event, ...parts]);
    }) as typeof emit);
  }

  #hold(event: string | symbol, parts: unknown[]): boolean {
    if (this.#isGone) return true;
    if (event !== "close") return false;
    if (this.#isStill) {
      this.#closed = parts;
      this.#carrier.onChange();
      return true;
    }
    this.#carrier.remove(this);
    return false;
  }
}
