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
  replay?: { keep: (data: Buffer, isBinary: boolean) => boolean };
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

export class HotRegistry {
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

/** The `hot` object of a registry. */
export function createHot(registry: HotRegistry, release: HotRelease | undefined): Hot {
  const add = (kind: HookKind) => (hook: Hook) => {
    if (typeof hook !== "function") throw new TypeError(`hot.${kind} takes a function`);
    registry.used = true;
    registry.hooks[kind].push(hook);
    registry.onHook(kind);
  };
  const carry =
    <Kind extends keyof Carried>(kind: Kind) =>
    (server: Carried[Kind], options: object = {}) => {
      registry.used = true;
      const servers: RegisteredServer<Carried[Kind]>[] = registry.servers[kind];
      register(servers, server, options as AnyCarryOptions);
      registry.onServer();
    };
  return {
    state: (name, options) => {
      registry.used = true;
      return registry.declare(name, options).ref;
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
    sockets: carry("tcp"),
    socketIo: carry("socketio"),
    carried: (connection) => registry.carried.has(connection),
    exempt: (response) => {
      registry.exempt.add(response);
    },
    reconnects: (response) => {
      registry.reconnects.add(response);
    },
    accept: () => {
      registry.used = true;
      registry.accepts = true;
    },
    release,
  };
}
