/** Where the connections of a registered server go: to another process, or to a server in this one. */
import type { CarriedKind } from "../../protocol/connections.ts";
import type { Connection } from "./connection.ts";

export interface CarrierIdentity {
  kind: CarriedKind;
  /** Counts the registered servers of its kind in this process. */
  ordinal: number;
}

/** Another generation's server, in this process. */
export interface Receiver {
  /** It can go on as it is; else it is taken apart and built again, as between processes. */
  suits(connection: Connection): boolean;
  /** Throws, with nothing changed, when `save` does. What it returns lets what is kept be heard. */
  receive(connection: Connection): () => void;
}

export interface Way {
  /** No further than the way needs. */
  freeze(connection: Connection): void;
  /** Who takes a connection as it is. */
  receiverFor(identity: CarrierIdentity): Receiver | undefined;
  inOrder(connections: ReadonlySet<Connection>): Connection[];
  /** After each: whoever else has something to do gets a turn now and then. */
  onPassed(): Promise<void> | undefined;
}

export const handoffWay: Way = {
  freeze: (connection) => connection.freeze(),
  receiverFor: () => undefined,
  inOrder: (connections) => [...connections],
  onPassed: () => undefined,
};

interface Receivers {
  find(identity: CarrierIdentity): { receiver: Receiver | undefined } | undefined;
}

/** `to` is not known yet while a freeze may still be thawed. */
export const swapWay = (to?: Receivers, onPassed: Way["onPassed"] = () => undefined): Way => ({
  freeze: (connection) => connection.freezeForSwap(),
  receiverFor: (identity) => to?.find(identity)?.receiver,
  inOrder: (connections) => {
    const all = [...connections];
    const isWaitedFor = (connection: Connection) => connection.isWaitedFor;
    return [...all.filter(isWaitedFor), ...all.filter((it) => !isWaitedFor(it))];
  },
  onPassed,
});
