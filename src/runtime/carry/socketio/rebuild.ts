/**
 * A session from its record: as engine.io's handshake and socket.io's recovery make it, but in one turn,
 * and without what they send at their beginning: the client has heard that.
 */
import { override } from "../override.ts";
import type { Classes } from "./classes.ts";
import {
  type Client,
  type EngineInternals,
  type EngineRequest,
  type EngineSession,
  type IoServer,
  type IoSocket,
  type Namespace,
  PACKET,
  type TransportInternals,
} from "./internals.ts";
import type { SessionRecord, SocketRecord } from "./record.ts";

/** Its 'connection' is heard by socket.io, which makes a client of it. */
export function rebuildSession(
  engine: EngineInternals,
  { Session }: Classes,
  record: SessionRecord,
  transport: TransportInternals,
  request: EngineRequest,
): EngineSession {
  const { id } = record;
  const session = silently(transport, () => {
    const made = new Session(id, engine, transport, request, record.protocol);
    made.writeBuffer = record.unsent;
    return made;
  });
  session.upgraded = record.upgraded;
  session.remoteAddress = record.address;
  transport.on("headers", (headers, of) => engine.emit("headers", headers, of));
  engine.clients[id] = session;
  engine.clientsCount += 1;
  session.once("close", () => {
    delete engine.clients[id];
    engine.clientsCount -= 1;
  });
  engine.emit("connection", session);
  return session;
}

/** What is written stays in the session's buffer, for whoever calls to do away with. */
function silently<T>(transport: TransportInternals, work: () => T): T {
  const { writable } = transport;
  transport.writable = false;
  try {
    return work();
  } finally {
    transport.writable = writable;
  }
}

export interface RebuiltSockets {
  io: IoServer;
  classes: Classes;
  /** Before its 'connection' listeners hear of it. */
  restore(socket: IoSocket, saved: unknown): void;
  skipsMiddlewares: boolean;
}

/** A promise, if it takes the application longer than this turn to say which namespaces there are. */
export function rejoin(
  parts: RebuiltSockets,
  session: EngineSession,
  client: Client,
  { sockets, joining, unfinished }: SessionRecord,
): Promise<unknown> | undefined {
  const late = sockets.flatMap((record) => {
    const found = parts.io._nsps.get(record.namespace);
    if (found === undefined) return [create(parts, session, client, record)];
    return [join(parts, session, client, found, record)].filter((one) => one !== undefined);
  });
  for (const [namespace, auth] of joining) client.connect(namespace, auth);
  for (const piece of unfinished) client.ondata(piece);
  return late.length === 0 ? undefined : Promise.all(late);
}

/** One of a dynamic namespace; the client is told if this version has no such namespace. */
function create(
  parts: RebuiltSockets,
  session: EngineSession,
  client: Client,
  record: SocketRecord,
): Promise<void> {
  const { namespace: nsp, handshake } = record;
  return new Promise((resolve) => {
    parts.io._checkNamespace(nsp, handshake.auth, (found) => {
      if (found) resolve(join(parts, session, client, found, record));
      else {
        client._packet({ type: PACKET.disconnect, nsp });
        resolve();
      }
    });
  });
}

/** A promise where middlewares are asked once more. */
function join(
  { classes, restore, skipsMiddlewares }: RebuiltSockets,
  session: EngineSession,
  client: Client,
  namespace: Namespace,
  record: SocketRecord,
): Promise<void> | undefined {
  const { id: sid, pid, rooms, data, handshake, nextAck, saved } = record;
  let admitted: Promise<void> | undefined;
  const undo = override(namespace, "_add", (_client, auth, joined) => {
    undo();
    const previous = { sid, pid, rooms, data, missedPackets: [] as [] };
    const socket = new classes.Socket(namespace, client, auth, previous);
    Object.assign(socket.handshake, handshake);
    namespace._ids = Math.max(namespace._ids, nextAck);
    restore(socket, saved);
    const connect = () => connectSilently(session, namespace, socket, joined);
    if (skipsMiddlewares) connect();
    else admitted = admit(namespace, client, socket, connect);
  });
  client.doConnect(namespace.name, handshake.auth);
  return admitted;
}

function connectSilently(
  { transport, writeBuffer }: EngineSession,
  namespace: Namespace,
  socket: IoSocket,
  joined: (socket: IoSocket) => void,
): void {
  const { writable } = transport;
  const before = writeBuffer.length;
  transport.writable = false;
  namespace._doConnect(socket, (it) => {
    // Its greeting has been written, its 'connection' listeners come next.
    writeBuffer.length = before;
    transport.writable = writable;
    joined(it);
  });
}

/** The client believes that it is connected: one that is not let in is told that it has to leave. */
function admit(
  namespace: Namespace,
  client: Client,
  socket: IoSocket,
  connect: () => void,
): Promise<void> {
  return new Promise((resolve) => {
    namespace.run(socket, (error) => {
      if (error) {
        socket.leaveAll();
        namespace._remove(socket);
        client._packet({ type: PACKET.disconnect, nsp: namespace.name });
      } else if (client.conn.readyState === "open") connect();
      resolve();
    });
  });
}
