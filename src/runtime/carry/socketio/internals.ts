/**
 * What this folder uses of socket.io and engine.io beyond their documented API, in one place. The
 * names are the same in every socket.io from 4.6 on (test/contract/socketio.test.ts runs over several);
 * where they differ, the functions below do what both understand.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { EmitterInternals } from "../../node/events.ts";
import { override } from "../override.ts";
import type { WebSocketInternals, WebSocketServerInternals } from "../ws/internals.ts";

/** Packet types of socket.io. */
export const PACKET = {
  disconnect: 1,
  event: 2,
  connectError: 4,
  binaryEvent: 5,
  binaryAck: 6,
} as const;

/** Of engine.io. */
export interface EnginePacket {
  type: string;
  data?: unknown;
  options?: { compress?: boolean };
}

export interface EngineRequest extends IncomingMessage {
  _query: Record<string, string | undefined>;
  websocket?: WebSocketInternals;
}

export interface TransportInternals extends EventEmitter {
  readonly name: string;
  readyState: string;
  /** Of a poll: the client waits for an answer. */
  writable: boolean;
  /** The WebSocket, if it is one. */
  socket?: WebSocketInternals;
  /** Of a poll: the client is sending. */
  dataReq?: unknown;
  send(packets: EnginePacket[]): void;
  close(done?: () => void): void;
}

/** What engine.io calls a socket: it outlives its transports. */
export interface EngineSession extends EmitterInternals {
  readonly id: string;
  readonly request: EngineRequest;
  protocol: number;
  transport: TransportInternals;
  remoteAddress: string | undefined;
  readyState: string;
  upgraded: boolean;
  upgrading: boolean;
  writeBuffer: EnginePacket[];
  pingTimeoutTimer: unknown;
  pingIntervalTimer: unknown;
  close(discard?: boolean): void;
  flush(): void;
  onClose(reason: string): void;
  resetPingTimeout(timeoutMs: number): void;
  schedulePing(): void;
  sendPacket(type: string, data?: unknown, options?: { compress?: boolean }): void;
  _maybeUpgrade?(transport: TransportInternals): void;
  /** Up to engine.io 6.4. */
  maybeUpgrade?(transport: TransportInternals): void;
}

export interface EngineInternals extends EmitterInternals {
  ws?: WebSocketServerInternals;
  clients: Record<string, EngineSession>;
  clientsCount: number;
  opts: Record<string, unknown> & { pingInterval: number; pingTimeout: number };
  prepare(request: EngineRequest): void;
  createTransport(name: string, request: EngineRequest): TransportInternals;
  handshake(name: string, request: unknown, refuse: () => void): Promise<unknown>;
}

export type EngineSessionClass = new (
  id: string,
  engine: EngineInternals,
  transport: TransportInternals,
  request: EngineRequest,
  protocol: number,
) => EngineSession;

/** A packet whose attachments have not all come. */
interface Reconstructor {
  reconPack: { type: number; attachments: number; nsp?: string; id?: number; data: unknown };
  buffers: unknown[];
}

/** What one session is to all namespaces. */
export interface Client {
  readonly conn: EngineSession;
  readonly sockets: Map<string, IoSocket>;
  readonly nsps: Map<string, IoSocket>;
  readonly decoder: { reconstructor?: Reconstructor | null };
  connect(namespace: string, auth?: unknown): void;
  doConnect(namespace: string, auth: unknown): void;
  destroy(): void;
  ondata(data: unknown): void;
  _packet(packet: { type: number; nsp: string; data?: unknown }, options?: object): void;
}

type Acknowledge = (...parts: unknown[]) => void;

export interface IoSocket extends EmitterInternals {
  readonly id: string;
  readonly pid?: string;
  readonly nsp: Namespace;
  readonly client: Client;
  readonly rooms: ReadonlySet<string>;
  readonly handshake: Record<string, unknown>;
  readonly acks: Map<number, Acknowledge>;
  readonly flags: { timeout?: number };
  data: unknown;
  connected: boolean;
  ack(id: number): Acknowledge;
  dispatch(event: [name: string, ...parts: unknown[]]): void;
  leaveAll(): void;
  registerAckCallback(id: number, callback: Acknowledge): void;
  run(event: unknown[], then: (error?: unknown) => void): void;
  _onerror(error: unknown): void;
}

export type IoSocketClass = new (
  namespace: Namespace,
  client: Client,
  auth: unknown,
  session: {
    sid: string;
    pid: string | undefined;
    rooms: string[];
    data: unknown;
    missedPackets: [];
  },
) => IoSocket;

type Joined = (socket: IoSocket) => void;

export interface Namespace {
  readonly name: string;
  /** The number of the next acknowledgement. */
  _ids: number;
  _add(client: Client, auth: unknown, joined: Joined): unknown;
  _createSocket(client: Client, auth: unknown): unknown;
  _doConnect(socket: IoSocket, joined: Joined): void;
  _remove(socket: IoSocket): void;
  /** Its middlewares. */
  run(socket: IoSocket, then: (error?: unknown) => void): void;
}

export interface IoServer {
  engine?: EngineInternals;
  readonly sockets: Namespace;
  readonly _nsps: ReadonlyMap<string, Namespace>;
  bind(engine: EngineInternals): unknown;
  of(name: string): Namespace;
  onconnection(session: EngineSession): unknown;
  _checkNamespace(name: string, auth: unknown, then: (found: Namespace | false) => void): void;
}

/** In the place of a timer that does not run. */
const NO_TIMER = { refresh() {} };

/** No heartbeat, in either direction. */
export function stopHeartbeat(session: EngineSession): void {
  clearTimeout(session.pingTimeoutTimer as NodeJS.Timeout);
  clearTimeout(session.pingIntervalTimer as NodeJS.Timeout);
  session.pingTimeoutTimer = null;
  session.pingIntervalTimer = NO_TIMER;
}

/** At once, since the client's own time-out counts from the last ping. */
export function startHeartbeat(session: EngineSession, { opts }: EngineInternals): void {
  stopHeartbeat(session);
  const { pingInterval, pingTimeout } = opts;
  if (session.protocol === 3) {
    session.resetPingTimeout(pingInterval + pingTimeout);
    return;
  }
  session.sendPacket("ping");
  session.resetPingTimeout(pingTimeout);
  session.schedulePing();
}

export function transportFor(
  engine: EngineInternals,
  name: string,
  request: EngineRequest,
): TransportInternals {
  const { perMessageDeflate, maxHttpBufferSize, httpCompression } = engine.opts;
  const transport = engine.createTransport(name, request);
  // Up to engine.io 6.4 a handshake sets them; later ones have them from the engine.
  const supportsBinary = !request._query.b64;
  const options = { perMessageDeflate, maxHttpBufferSize, httpCompression, supportsBinary };
  return Object.assign(transport, options);
}

export function beginUpgrade(session: EngineSession, transport: TransportInternals): void {
  if (session._maybeUpgrade) session._maybeUpgrade(transport);
  else session.maybeUpgrade?.(transport);
}

/** `onBegin`: with the transport that is tried out. */
export function observeUpgrade(
  session: EngineSession,
  onBegin: (transport: TransportInternals) => void,
): void {
  const name = session._maybeUpgrade ? "_maybeUpgrade" : "maybeUpgrade";
  const upgrade = session[name];
  override(session, name, (transport) => {
    onBegin(transport);
    upgrade?.call(session, transport);
  });
}

/** An upgrade that is under way ends here, without a word to its WebSocket. */
export function forgetUpgrade(transport: TransportInternals): void {
  transport.readyState = "closed";
  transport.emit("close");
  transport.removeAllListeners();
}
