/**
 * A session that has no connection of its own: its client asks again and again, by HTTP. It is carried
 * as a connection that has no handle; the polls themselves go where requests go.
 */
import { deserialize, serialize } from "node:v8";
import { nowMs } from "../../../platform/clock.ts";
import type { Holder } from "../../../protocol/worker.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { AnnouncedConnection } from "../announced.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection, Parcel } from "../connection.ts";
import type { Follow } from "../moved.ts";
import { saveConnection } from "../saved.ts";
import type { EnginePacket } from "./internals.ts";
import { type SessionRecord, withoutFrame } from "./record.ts";
import type { Session } from "./session.ts";

/** What a client is in the middle of sending holds a freeze for so long: some never send the rest. */
const SENDING_MS = 1_000;

export class PollingConnection implements Connection {
  readonly session: Session;
  /** Nobody's: it counts for no connection. */
  readonly socket: SocketInternals;
  readonly isMovable = true;
  readonly hasEnded = false;
  /** Before the WebSocket that it may be trying out. */
  readonly isWaitedFor = true;
  readonly #carrier: Carrier;
  /** So many unsent packets are in its record. */
  #told = 0;
  #frozenAtMs = 0;

  constructor(session: Session, carrier: Carrier, socket: SocketInternals) {
    this.session = session;
    this.socket = socket;
    this.#carrier = carrier;
  }

  /** A poll under way ends: the next one waits, and asks whoever has the session then. */
  freeze(): void {
    const { transport } = this.session.engineSession;
    this.#frozenAtMs ||= nowMs();
    this.session.freeze();
    if (transport.writable) transport.send([{ type: "noop" }]);
  }

  freezeForSwap(): void {
    this.freeze();
  }

  thaw(): void {
    this.#frozenAtMs = 0;
    this.session.thaw();
  }

  get isIdle(): boolean {
    return this.session.isIdle;
  }

  holder(): Holder | undefined {
    const { session } = this;
    const frozenMs = Math.round(nowMs() - this.#frozenAtMs);
    // Its next poll goes to the next version, which must have the session by then.
    const isSending = !this.isTellable && frozenMs < SENDING_MS;
    if (this.isIdle && !isSending) return undefined;
    const name = `Socket.IO session ${session.engineSession.id}`;
    return { kind: "websocket", name, ageMs: this.isIdle ? frozenMs : session.ageMs };
  }

  /** What its client is sending right now is for the application here. */
  get isTellable(): boolean {
    return this.isIdle && !this.session.engineSession.transport.dataReq;
  }

  isFree(): boolean {
    return this.isTellable;
  }

  readonly hasSaid = true;
  readonly isIntroducible = false;

  fixed(): object {
    return {};
  }

  changes(): SessionRecord {
    const save = () => this.session.record();
    const record = saveConnection({ save }, this) as SessionRecord;
    this.#told = record.unsent.length;
    return record;
  }

  take(follow?: Follow): Parcel {
    this.leaveTo((packets) => {
      if (follow?.counts()) follow.send(serialize(packets.map(withoutFrame)));
    });
    if (follow) this.#carrier.leaveBehind(this);
    return { handle: undefined, head: Buffer.alloc(0), quietSinceMs: nowMs() };
  }

  leaveTo(take: (packets: EnginePacket[]) => void): void {
    const late = this.session.engineSession.writeBuffer.splice(0).slice(this.#told);
    this.session.leaveTo(take);
    if (late.length > 0) take(late);
  }

  forget(): void {
    this.session.forget();
  }
}

/** What the old version still sends to it comes as packets, not as bytes. */
export class AnnouncedSession extends AnnouncedConnection {
  readonly #session: Session;

  constructor({ session, socket }: PollingConnection) {
    super(socket, () => {});
    this.#session = session;
  }

  override write(bytes: Uint8Array): void {
    receivePackets(this.#session, deserialize(bytes) as EnginePacket[]);
  }
}

export function receivePackets({ engineSession }: Session, packets: readonly EnginePacket[]): void {
  for (const { type, data, options } of packets) engineSession.sendPacket(type, data, options);
}
