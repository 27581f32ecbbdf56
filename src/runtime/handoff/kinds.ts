/** The kinds of connections that are carried: what an application registers, and whose folder it is. */
import type { Registrations } from "../../hot/registrations.ts";
import type { CarriedKind } from "../../protocol/connections.ts";
import type { Carrier, CarrierContext } from "../carry/carrier.ts";
import { CarriedSocketIoServer } from "../carry/socketio/server.ts";
import { CarriedSocketServer } from "../carry/tcp/server.ts";
import { CarriedWebSocketServer } from "../carry/ws/server.ts";
import { refuseWebSocket } from "../carry/ws/serviceRestart.ts";
import type { SocketInternals } from "../node/internals.ts";

type Registered<Kind extends CarriedKind> = Registrations["servers"][Kind][number];

interface Kind<Server> {
  /** From here on its connections belong to the carrier. */
  carry(server: Server, carrier: Carrier, context: CarrierContext): void;
  /** The version that has come registers no such server, and the protocol has words for that. */
  refuse?(socket: SocketInternals): void;
}

export const carriedKinds: { [K in CarriedKind]: Kind<Registered<K>> } = {
  websocket: {
    carry: (...parts) => new CarriedWebSocketServer(...parts),
    refuse: refuseWebSocket,
  },
  socketio: {
    carry: (...parts) => new CarriedSocketIoServer(...parts),
    refuse: refuseWebSocket,
  },
  tcp: {
    carry: (...parts) => new CarriedSocketServer(...parts),
  },
};

/** The one that the carrier is for. */
export function carryServer(
  { servers }: Registrations,
  carrier: Carrier,
  context: CarrierContext,
): void {
  const { kind, ordinal } = carrier.identity;
  const { carry } = carriedKinds[kind] as Kind<unknown>;
  carry(servers[kind][ordinal], carrier, context);
}
