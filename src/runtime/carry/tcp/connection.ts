/** One connection of a registered `net.Server`, in the generation that has it. */

import { defined } from "../../../contract/checks.ts";
import type { AnyCarryOptions } from "../../../hot/registrations.ts";
import type { Holder } from "../../../protocol/worker.ts";
import type { EmitterInternals } from "../../node/events.ts";
import { handleOf } from "../../node/fields.ts";
import { freezeSocket, quietSinceMs, takeHandle, thawSocket } from "../../node/frozenSockets.ts";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import { becomePending, isPending, namesOf, type SocketNames } from "../../node/pending.ts";
import { becomeUnread, takeUnread } from "../../node/unread.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection, Parcel } from "../connection.ts";
import { InFlight } from "../inFlight.ts";
import { comeBack, type Follow, followWrites, leaveBehind } from "../moved.ts";
import type { Keep, OpeningMessage } from "../opening.ts";
import { override } from "../override.ts";
import { saveConnection } from "../saved.ts";
import { OpeningBytes } from "./openingBytes.ts";

/** `ConnectionMeta.data` of kind "tcp". */
export interface TcpRecord {
  /** What the application's `save` returned. */
  saved: unknown;
  names?: SocketNames;
  /** What the client began with: see opening.ts. */
  opening?: OpeningMessage[];
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
  readonly #opening: OpeningBytes | undefined;
  readonly #undo: () => void;
  #isFrozen = false;
  #isGone = false;
  /** The arguments of a 'close' that came while it was frozen. */
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
    this.#isFrozen = given !== undefined;
    this.#ownListeners = socket.eventNames().map((event) => [event, socket.rawListeners(event)]);
    this.#options = options;
    this.#carrier = carrier;
    this.inFlight.onIdle = () => carrier.onChange();
    const { replay } = options;
    this.#opening = replay && new OpeningBytes(socket, replay.keep as Keep);
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

  freeze(): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    freezeSocket(this.socket);
  }

  /** Nothing tells what comes for it: bytes may be read in many ways. */
  freezeForSwap(): void {
    this.freeze();
  }

  get isWaitedFor(): boolean {
    return this.hasEnded;
  }

  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    if (this.#closed) this.socket.emit("close", ...this.#closed);
    else thawSocket(this.socket);
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

  readonly hasSaid = true;

  goesOnThere(follow: Follow): void {
    followWrites(this.socket, follow);
  }

  get isIntroducible(): boolean {
    return this.isMovable && handleOf(this.socket) !== null;
  }

  fixed(): Pick<TcpRecord, "names"> {
    return { names: namesOf(handleOf(this.socket)) };
  }

  changes(): Omit<TcpRecord, "names"> {
    const saved = saveConnection(this.#options, this.socket);
    return { saved, ...defined({ opening: this.#opening?.record() }) };
  }

  /** Its session has been opened, and is to be once more. */
  get hasOpening(): boolean {
    return this.#opening !== undefined && !this.#opening.isEmpty;
  }

  /** By what the client opened its session in an earlier version: heard before all else. */
  async hearAgain(opening: readonly OpeningMessage[]): Promise<void> {
    this.isAttended = false;
    const bytes = this.#opening ?? new OpeningBytes(this.socket, () => false);
    await bytes.hearAgain(opening);
    if (bytes !== this.#opening) bytes.undo();
    this.isAttended = true;
    this.#carrier.onChange();
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
    if (this.#isFrozen) freezeSocket(this.socket);
  }

  /** In a swap: lets go of it as it is. Throws, with nothing changed, when `save` does. */
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
    this.#opening?.undo();
    if (!socket.destroyed) becomeUnread(socket);
    socket.removeAllListeners();
    for (const [event, listeners] of this.#ownListeners) {
      for (const listener of listeners) socket.on(event as string, listener as () => void);
    }
  }

  /** 'close' is kept back while it is frozen; nothing of one that has gone reaches the application. */
  #observeEvents(): () => void {
    const socket = this.socket as SocketInternals & EmitterInternals;
    const { inFlight } = this;
    const emit = socket.emit;
    const keeps = (event: string | symbol, parts: unknown[]) => this.#keeps(event, parts);
    return override(socket, "emit", ((event: string | symbol, ...parts: unknown[]) => {
      if (keeps(event, parts)) return true;
      if (event === "data" && this.#opening?.hear(parts)) return true;
      if (DATA_EVENTS.has(event)) return inFlight.emit(socket, event as string, parts);
      return Reflect.apply(emit, socket, [event, ...parts]);
    }) as typeof emit);
  }

  #keeps(event: string | symbol, parts: unknown[]): boolean {
    if (this.#isGone) return true;
    if (event !== "close") return false;
    if (this.#isFrozen) {
      this.#closed = parts;
      this.#carrier.onChange();
      return true;
    }
    this.#carrier.remove(this);
    return false;
  }
}
