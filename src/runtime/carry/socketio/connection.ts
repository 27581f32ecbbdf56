/** The WebSocket of a Socket.IO session, in the generation that has it. */
import type { Holder } from "../../../protocol/worker.ts";
import type { Follow } from "../moved.ts";
import { type GivenWebSocket, WebSocketConnection } from "../ws/connection.ts";
import type { Session } from "./session.ts";

export class SocketIoConnection extends WebSocketConnection {
  /** Undefined: its handshake is under way, or it is one that a polling session tries out. */
  session: Session | undefined;
  isProbe: () => boolean = () => false;

  override freeze(): void {
    super.freeze();
    this.session?.freeze();
  }

  override freezeForSwap(): void {
    super.freezeForSwap();
    this.session?.freeze();
  }

  override thaw(): void {
    super.thaw();
    this.session?.thaw();
  }

  override attached(): void {
    super.attached();
    this.session?.beat();
  }

  override get isIdle(): boolean {
    return super.isIdle && (this.session?.isIdle ?? true);
  }

  override holder(): Holder | undefined {
    const { session } = this;
    const holder = super.holder();
    if (holder || !session || session.isIdle || this.hasEnded) return holder;
    const name = `Socket.IO session ${session.engineSession.id}`;
    return { kind: "websocket", name, ageMs: session.ageMs };
  }

  /** Its session is made at once, from a record of the moment. */
  override get isIntroducible(): boolean {
    return false;
  }

  override get isTellable(): boolean {
    return super.isTellable && this.#isKnown;
  }

  override isFree(): boolean {
    return super.isFree() && this.#isKnown;
  }

  override take(follow?: Follow) {
    const parcel = super.take(follow);
    this.session?.leave();
    return parcel;
  }

  override give(): GivenWebSocket {
    const given = super.give();
    this.session?.leave();
    return given;
  }

  override forget(): void {
    super.forget();
    this.session?.forget();
  }

  get #isKnown(): boolean {
    return this.session !== undefined || this.isProbe() || this.hasEnded;
  }
}
