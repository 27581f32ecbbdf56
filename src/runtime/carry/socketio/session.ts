/**
 * A Socket.IO session in the generation that has it: what its application has under way, and how it
 * is frozen, leaves and is forgotten.
 *
 *   serving ──freeze()──► frozen ──record()──► told ──leave()──► gone    (another generation has it)
 *      ▲                    │                   │
 *      └───────────────── thaw() ───────────────┘
 *
 * Told: what its code still sends counts only while it has a request to answer.
 */
import { InFlight } from "../inFlight.ts";
import { override } from "../override.ts";
import {
  type Client,
  type EngineInternals,
  type EnginePacket,
  type EngineRequest,
  type EngineSession,
  forgetUpgrade,
  type IoSocket,
  observeUpgrade,
  PACKET,
  startHeartbeat,
  stopHeartbeat,
  type TransportInternals,
} from "./internals.ts";
import { Owed } from "./owed.ts";
import { recordSession, type SessionRecord } from "./record.ts";

const LOOK_MS = 50;

export interface SessionParts {
  engine: EngineInternals;
  session: EngineSession;
  client: Client;
  /** Of the application. Throws what its `save` throws. */
  save(socket: IoSocket): unknown;
  /** Nothing is under way any more. */
  onIdle(): void;
  isAnswering(): boolean;
}

export class Session {
  readonly engineSession: EngineSession;
  readonly inFlight = new InFlight();
  readonly owed: Owed;
  readonly client: Client;
  readonly #parts: SessionParts;
  /** Namespaces that it has asked for, with its credentials. */
  readonly #joining = new Map<string, unknown>();
  /** Of each: waited for like an acknowledgement, so that it is this version or the next that lets it in. */
  readonly #joins = new Map<string, () => void>();
  /** What gives up waiting for an acknowledgement that the application has set a time for. */
  readonly #awaited = new Map<object, () => void>();
  #isFrozen = false;
  #probed: TransportInternals | undefined;
  #unmute: () => void = () => {};
  /** Since it was told of: for the client, should it be thawed. */
  #unsaid: EnginePacket[] | undefined;

  constructor(parts: SessionParts) {
    const { session, client, onIdle } = parts;
    this.#parts = parts;
    this.engineSession = session;
    this.client = client;
    this.inFlight.onIdle = onIdle;
    this.owed = new Owed(onIdle);
    this.#observeClient();
    observeUpgrade(session, (transport) => {
      this.#probed = transport;
    });
  }

  get isIdle(): boolean {
    return this.inFlight.isIdle && this.owed.isNothing;
  }

  get ageMs(): number {
    return Math.max(this.inFlight.ageMs, this.owed.ageMs);
  }

  /** Nothing is read any more: neither the client's heartbeat nor its acknowledgements. */
  freeze(): void {
    this.#isFrozen = true;
    stopHeartbeat(this.engineSession);
    for (const giveUp of [...this.#awaited.values()]) giveUp();
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#unmute();
    this.#unmute = () => {};
    const { engineSession: session } = this;
    if (session.readyState !== "open") return;
    session.writeBuffer.unshift(...(this.#unsaid ?? []));
    this.#unsaid = undefined;
    session.flush();
    this.beat();
  }

  beat(): void {
    if (!this.#isFrozen) startHeartbeat(this.engineSession, this.#parts.engine);
  }

  /** `request`: of its WebSocket. Changes nothing that a `thaw` does not undo. */
  record(request?: EngineRequest): SessionRecord {
    const { session, client, save } = this.#parts;
    const { transport } = session;
    if (transport.name === "websocket" && session.writeBuffer.length > 0) {
      // It is `ws` that keeps the order of what is sent, here and in the next generation.
      transport.writable = true;
      session.flush();
    }
    const record = recordSession({ session, client, joining: this.#joining, save }, request);
    this.#unsaid ??= [];
    this.#mute((packets, send) => {
      if (this.#parts.isAnswering()) {
        send(packets);
        return;
      }
      this.#unsaid?.push(...packets);
      transport.emit("drain");
    });
    return record;
  }

  /** It is another generation's: nothing that this one's code or timers do ends it. */
  leave(): void {
    const { engineSession: session } = this;
    this.#unsaid = undefined;
    stopHeartbeat(session);
    if (session.upgrading && this.#probed) forgetUpgrade(this.#probed);
    // Whoever is still let in here finds it closed: the next version asks, too.
    if (this.#joining.size > 0) session.readyState = "closed";
    const silent = () => {};
    override(session, "onClose", silent);
    override(session, "close", silent);
    override(session.transport, "close", silent);
    setImmediate(() => this.#forgetAnswered());
  }

  /** Who asks all hosts for the sockets of a room is to hear of each once. */
  #forgetAnswered(): void {
    if (this.#parts.isAnswering()) setTimeout(() => this.#forgetAnswered(), LOOK_MS).unref();
    else this.forget();
  }

  /** The same of a polling session, for which there is no connection that could take it along. */
  leaveTo(take: (packets: EnginePacket[]) => void): void {
    this.leave();
    this.#unmute();
    const { transport } = this.engineSession;
    this.#mute((packets) => {
      if (this.#parts.isAnswering()) take(packets);
      transport.emit("drain");
    });
    // Whatever is sent from now on is sent on at once.
    transport.writable = true;
  }

  /** It comes back as another object, or is another generation's for good. */
  forget(): void {
    const { engine } = this.#parts;
    const { client, engineSession: session } = this;
    for (const socket of client.sockets.values()) {
      socket.leaveAll();
      socket.nsp._remove(socket);
      socket.connected = false;
    }
    client.sockets.clear();
    client.nsps.clear();
    client.destroy();
    if (engine.clients[session.id] !== session) return;
    delete engine.clients[session.id];
    engine.clientsCount -= 1;
  }

  #mute(send: (packets: EnginePacket[], original: TransportInternals["send"]) => void): void {
    const { transport } = this.engineSession;
    const original = transport.send.bind(transport);
    this.#unmute();
    this.#unmute = override(transport, "send", (packets) => send(packets, original));
  }

  #observeClient(): void {
    const { client } = this;
    const { connect, _packet: packet } = client;
    override(client, "connect", (namespace, auth = {}) => {
      this.#joining.set(namespace, auth);
      this.#joins.set(namespace, this.owed.owe());
      connect.call(client, namespace, auth);
    });
    override(client, "_packet", (content, options) => {
      if (content.type === PACKET.connectError) this.#joined(content.nsp);
      packet.call(client, content, options);
    });
    const { sockets } = client;
    override(sockets, "set", (id, socket) => {
      this.#joined(socket.nsp.name);
      this.#observeSocket(socket);
      return Map.prototype.set.call(sockets, id, socket) as typeof sockets;
    });
  }

  #joined(namespace: string): void {
    this.#joining.delete(namespace);
    this.#joins.get(namespace)?.();
    this.#joins.delete(namespace);
  }

  /** Listeners are called as socket.io calls them, with an eye on what they return. */
  #observeSocket(socket: IoSocket): void {
    const { inFlight, owed } = this;
    override(socket, "dispatch", (event) => {
      const letThrough = owed.owe();
      socket.run(event, (error) => {
        process.nextTick(() => {
          letThrough();
          const [name, ...parts] = event;
          if (error) socket._onerror(error);
          else if (socket.connected) inFlight.emit(socket, name, parts);
        });
      });
    });
    const { ack, registerAckCallback } = socket;
    override(socket, "ack", (id) => {
      const given = owed.owe();
      const acknowledge = ack.call(socket, id);
      return (...parts) => {
        given();
        acknowledge(...parts);
      };
    });
    override(socket, "registerAckCallback", (id, callback) => {
      const isTimed = socket.flags.timeout !== undefined;
      const answer = isTimed ? this.#await(socket, id, callback) : callback;
      registerAckCallback.call(socket, id, answer);
    });
  }

  #await(socket: IoSocket, id: number, callback: (...parts: unknown[]) => void) {
    const key = {};
    const answer = (...parts: unknown[]) => {
      if (this.#awaited.delete(key)) callback.apply(socket, parts);
    };
    this.#awaited.set(key, () => {
      socket.acks.delete(id);
      answer(new Error("operation has timed out"));
    });
    return answer;
  }
}
