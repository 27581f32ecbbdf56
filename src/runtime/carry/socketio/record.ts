/** What travels of a Socket.IO session besides its WebSocket. */

import { defined } from "../../../contract/checks.ts";
import { type RequestRecord, recordRequest } from "../ws/record.ts";
import {
  type Client,
  type EnginePacket,
  type EngineRequest,
  type EngineSession,
  type IoSocket,
  PACKET,
} from "./internals.ts";

export interface SocketRecord {
  namespace: string;
  id: string;
  pid: string | undefined;
  rooms: string[];
  data: unknown;
  handshake: Record<string, unknown>;
  /** Acknowledgements with lower numbers are the old version's. */
  nextAck: number;
  /** What the application's `save` returned. */
  saved: unknown;
}

export interface SessionRecord {
  id: string;
  protocol: number;
  transport: string;
  upgraded: boolean;
  address: string | undefined;
  /** That began it. Null: the WebSocket's own. */
  request: RequestRecord | null;
  sockets: SocketRecord[];
  /** Namespaces whose middlewares have yet to let it in, and its credentials for each. */
  joining: [namespace: string, auth: unknown][];
  /** A packet without its last attachments: its text, and those that have come. */
  unfinished: unknown[];
  /** Of a polling session: what the next poll is answered with. */
  unsent: EnginePacket[];
}

/** A WebSocket that a polling session is to be upgraded to. */
export interface ProbeRecord {
  probes: string;
}

export interface Recorded {
  session: EngineSession;
  client: Client;
  joining: ReadonlyMap<string, unknown>;
  save: (socket: IoSocket) => unknown;
}

/** `request`: of its WebSocket. Throws what `save` throws. */
export function recordSession(
  { session, client, joining, save }: Recorded,
  request?: EngineRequest,
): SessionRecord {
  const { id, protocol, transport, upgraded, remoteAddress: address } = session;
  return {
    id,
    protocol,
    transport: transport.name,
    upgraded,
    address,
    request: session.request === request ? null : recordRequest(session.request),
    sockets: [...client.sockets.values()].map((socket) => recordSocket(socket, save)),
    joining: [...joining],
    unfinished: unfinishedPacket(client),
    unsent: session.writeBuffer.map(withoutFrame),
  };
}

function recordSocket(socket: IoSocket, save: Recorded["save"]): SocketRecord {
  const { id, pid, nsp, rooms, data } = socket;
  const { headers, time, address, xdomain, secure, issued, url, query, auth } = socket.handshake;
  return {
    namespace: nsp.name,
    id,
    pid,
    rooms: [...rooms],
    data,
    handshake: { headers, time, address, xdomain, secure, issued, url, query, auth },
    nextAck: nsp._ids,
    saved: save(socket),
  };
}

/** A broadcast is framed once, for WebSockets. */
export const withoutFrame = ({ type, data, options }: EnginePacket): EnginePacket => ({
  type,
  ...defined({ data }),
  options: { compress: options?.compress ?? true },
});

/** As it came: "5<attachments>-<namespace>,<id><json>". */
function unfinishedPacket({ decoder }: Client): unknown[] {
  const { reconPack: packet, buffers } = decoder.reconstructor ?? {};
  if (!packet || !buffers) return [];
  const isEvent = packet.type === PACKET.event || packet.type === PACKET.binaryEvent;
  const type = isEvent ? PACKET.binaryEvent : PACKET.binaryAck;
  const namespace = packet.nsp && packet.nsp !== "/" ? `${packet.nsp},` : "";
  const text = `${type}${packet.attachments}-${namespace}${packet.id ?? ""}${JSON.stringify(packet.data)}`;
  return [text, ...buffers];
}
