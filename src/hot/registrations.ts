/** What an application has told `hot`. The API writes it; a driver (inert, worker) acts on it. */
import type { IncomingMessage } from "node:http";
import type { Server as NetServer } from "node:net";
import { StateCell } from "./state.ts";
import type {
  CarryOptions,
  Hot,
  HotRelease,
  SocketIoServerLike,
  StateOptions,
  WebSocketServerLike,
} from "./types.ts";

export type Hook = () => unknown;
export type HookKind = "prepare" | "activate" | "freeze" | "dispose" | "health";

/** Whatever the application's types are. */
export type AnyCarryOptions = CarryOptions<object, unknown, (IncomingMessage | undefined)[]> & {
  router?: boolean;
  replay?: { keep: (data: Buffer, ...further: never[]) => unknown };
  skipMiddlewares?: boolean;
};

export interface RegisteredServer<S> {
  server: S;
  options: AnyCarryOptions;
}

/** Servers whose connections are carried, by their kind. */
interface Carried {
  websocket: WebSocketServerLike;
  tcp: NetServer;
  socketio: SocketIoServerLike;
}

export class Registrations {
  readonly states = new Map<string, StateCell<unknown>>();
  readonly hooks: Record<HookKind, Hook[]> = {
    prepare: [],
    activate: [],
    freeze: [],
    dispose: [],
    health: [],
  };
  readonly servers: { [Kind in keyof Carried]: RegisteredServer<Carried[Kind]>[] } = {
    websocket: [],
    tcp: [],
    socketio: [],
  };
  /** Connections that came from the old generation. */
  readonly carried = new WeakSet<object>();
  /** Responses that touch no state any more. */
  readonly exempt = new WeakSet<object>();
  /** Responses whose clients come back by themselves. */
  readonly reconnects = new WeakSet<object>();
  accepts = false;
  /** Set by the first call of anything but `release` and `carried`. */
  used = false;
  /** Called after each registration of a server. */
  onServer: () => void = () => {};
  /** Called after each registration of a hook. */
  onHook: (kind: HookKind) => void = () => {};

  declare<T>(name: string, options: StateOptions<T>): StateCell<T> {
    if (this.states.has(name)) throw new Error(`hot.state("${name}") was declared twice`);
    const cell = new StateCell<T>(name, options);
    this.states.set(name, cell as StateCell<unknown>);
    return cell;
  }

  /** Runs the hooks of a kind one after the other, in the order of their registration. */
  async run(kind: HookKind): Promise<void> {
    for (const hook of [...this.hooks[kind]]) await hook();
  }
}

function register<S>(servers: RegisteredServer<S>[], server: S, options: AnyCarryOptions): void {
  if (servers.some((it) => it.server === server)) {
    throw new Error("this server was registered with hot twice");
  }
  servers.push({ server, options });
}

/** @throws where an application says it, not at its first upgrade. */
function mustUpgrade(server: WebSocketServerLike): void {
  if (typeof (server as { handleUpgrade?: unknown }).handleUpgrade === "function") return;
  throw new TypeError(
    "hot.websockets takes a WebSocketServer of the ws package; of Socket.IO, hot.socketIo takes the server",
  );
}

/** The same of what is no plain TCP, or nothing that this process could hand on. */
function mustBePlain(server: NetServer): void {
  if ("setSecureContext" in server) {
    throw new TypeError("hot.sockets takes no TLS server: let TLS end in a proxy");
  }
  if ("maxHeadersCount" in server || "updateSettings" in server) {
    throw new TypeError(
      "hot.sockets takes a net.Server; an HTTP server's connections need no line",
    );
  }
}

function mustHaveSockets(io: SocketIoServerLike): void {
  if (typeof (io as { of?: unknown }).of === "function") return;
  throw new TypeError(
    "hot.socketIo takes a Server of the socket.io package; engine.io alone can't be carried",
  );
}

function mustKeep({ replay }: Partial<AnyCarryOptions>): void {
  if (replay === undefined || typeof replay?.keep === "function") return;
  throw new TypeError("replay takes { keep }, a function that says which messages open a session");
}

/** The `hot` object of an application. */
export function createHot(registrations: Registrations, release: HotRelease | undefined): Hot {
  const add = (kind: HookKind) => (hook: Hook) => {
    if (typeof hook !== "function") throw new TypeError(`hot.${kind} takes a function`);
    registrations.used = true;
    registrations.hooks[kind].push(hook);
    registrations.onHook(kind);
  };
  const carry =
    <Kind extends keyof Carried>(kind: Kind) =>
    (server: Carried[Kind], options: object = {}) => {
      mustKeep(options);
      registrations.used = true;
      const servers: RegisteredServer<Carried[Kind]>[] = registrations.servers[kind];
      register(servers, server, options as AnyCarryOptions);
      registrations.onServer();
    };
  return {
    state: (name, options) => {
      registrations.used = true;
      return registrations.declare(name, options).ref;
    },
    prepare: add("prepare"),
    activate: add("activate"),
    freeze: add("freeze"),
    dispose: add("dispose"),
    health: add("health"),
    websockets: (server, options) => {
      mustUpgrade(server);
      carry("websocket")(server, options);
    },
    sockets: (server, options) => {
      mustBePlain(server);
      carry("tcp")(server, options);
    },
    socketIo: (io, options) => {
      mustHaveSockets(io);
      carry("socketio")(io, options);
    },
    carried: (connection) => registrations.carried.has(connection),
    exempt: (response) => {
      registrations.exempt.add(response);
    },
    reconnects: (response) => {
      registrations.reconnects.add(response);
    },
    accept: () => {
      registrations.used = true;
      registrations.accepts = true;
    },
    release,
  };
}
