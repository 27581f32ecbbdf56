/**
 * The classes of a session and of a namespace's socket, which neither package hands out: of one of each,
 * made by a server that stands apart from the application's own, so that nobody hears of them.
 */
import { EventEmitter } from "node:events";
import type {
  Client,
  EngineInternals,
  EngineSession,
  EngineSessionClass,
  IoServer,
  IoSocketClass,
} from "./internals.ts";

export interface Classes {
  Session: EngineSessionClass;
  Socket: IoSocketClass;
}

export async function findClasses(io: IoServer, engine: EngineInternals): Promise<Classes> {
  const session = await makeSession(engine);
  clearTimeout(session.pingIntervalTimer as NodeJS.Timeout);
  const client = makeClient(io, session);
  client.destroy();
  const socket = await io.sockets._createSocket(client, {});
  return { Session: classOf(session), Socket: classOf(socket) };
}

const classOf = <T>(instance: unknown): T => (instance as { constructor: T }).constructor;

class NoTransport extends EventEmitter {
  readonly name = "websocket";
  readonly writable = false;
  onRequest(): void {}
}

async function makeSession(engine: EngineInternals): Promise<EngineSession> {
  let made: EngineSession | undefined;
  const apart: EngineInternals = Object.create(engine, {
    clients: { value: {} },
    clientsCount: { value: 0, writable: true },
    generateId: { value: () => "apart" },
    createTransport: { value: () => new NoTransport() },
    emit: {
      value: (_event: string, session: EngineSession) => {
        made = session;
      },
    },
  });
  const request = { headers: {}, connection: {}, _query: { EIO: "4", transport: "websocket" } };
  await apart.handshake("websocket", request, () => {});
  return made!;
}

function makeClient(io: IoServer, session: EngineSession): Client {
  let made: Client | undefined;
  const noted = (client: Client) => {
    made = client;
  };
  const apart: IoServer = Object.create(io, { of: { value: () => ({ _add: noted }) } });
  // Of this protocol the server itself connects a client to the first namespace.
  session.protocol = 3;
  apart.onconnection(session);
  return made!;
}
