/** The carriers of all servers that the application registered, for the worker to drive at once. */
import type { Registrations } from "../../hot/registrations.ts";
import type { CarriedKind, ConnectionMeta } from "../../protocol/connections.ts";
import type { Holder } from "../../protocol/worker.ts";
import { AnnouncedConnection } from "../carry/announced.ts";
import {
  type Announcing,
  Carrier,
  type CarrierContext,
  type SendConnection,
} from "../carry/carrier.ts";
import type { Introducing } from "../carry/introductions.ts";
import type { Prepared } from "../carry/prepared.ts";
import { type CarrierIdentity, swapWay, type Way } from "../carry/way.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import { pendingSocket } from "../node/pending.ts";
import { carriedKinds, carryServer } from "./kinds.ts";

/** For what no event tells: bytes that leave, an inflate that ends. */
const LOOK_MS = 2;
const LOOK_LATER_MS = 20;
const SOON_MS = 200;

export class Carriers {
  readonly #registrations: Registrations;
  readonly #context: CarrierContext;
  readonly #all: Carrier[] = [];
  #isMoving = false;
  #look: () => void = () => {};
  /** A server is registered where there was none. */
  onFirst: () => void = () => {};
  /** A message has ended, or a connection. */
  onChange: () => void = () => {};

  constructor(registrations: Registrations, context: CarrierContext) {
    this.#registrations = registrations;
    this.#context = context;
    registrations.onServer = () => this.#observeNew();
  }

  owns(socket: SocketInternals): boolean {
    return this.#all.some((carrier) => carrier.owns(socket));
  }

  get size(): number {
    return this.#all.reduce((sum, carrier) => sum + carrier.size, 0);
  }

  get left(): SocketInternals[] {
    return this.#all.flatMap((carrier) => carrier.left);
  }

  /** From here on no message reaches the application. */
  freeze(way: Way): void {
    for (const carrier of this.#all) carrier.freeze(way);
  }

  /** Everything goes on where it was. */
  thaw(): void {
    this.#isMoving = false;
    for (const carrier of this.#all) carrier.thaw();
  }

  holders(): Holder[] {
    return this.#all.flatMap((carrier) => carrier.holders());
  }

  /**
   * Sends what is free, one after the other; resolves once all have gone, or after SOON_MS. From
   * then on each other connection follows as soon as it is free.
   */
  async move(send: SendConnection, way: Way): Promise<void> {
    this.#isMoving = true;
    for (const carrier of this.#all) carrier.startMove(way);
    const started = performance.now();
    while (this.#isMoving && (await this.#sendFree(send)) > 0) {
      if (performance.now() - started > SOON_MS) break;
      await this.#change(started);
    }
    void this.#follow(send, started);
  }

  /** Some server is registered, whether it has connections or not. */
  get any(): boolean {
    return this.#all.length > 0;
  }

  /** While they are served here: see carry/introductions.ts. */
  async introduce(introducing: Introducing): Promise<number> {
    let count = 0;
    for (const carrier of this.#all) count += await carrier.introduce(introducing);
    return count;
  }

  async whenSaid(): Promise<void> {
    await Promise.all(this.#all.map((carrier) => carrier.whenSaid()));
  }

  /** Tells of all that can be told of. */
  announce(announcing: Announcing): number {
    return this.#all.reduce((sum, carrier) => sum + carrier.announce(announcing), 0);
  }

  /** What has not gone yet stays: it is to come back. */
  stay(): void {
    this.#isMoving = false;
    for (const carrier of this.#all) carrier.stay();
  }

  /** In a swap: see Carrier. */
  passAll(to: Carriers, announcing: Announcing): (() => void)[] {
    const way = swapWay(to);
    return this.#all.flatMap((carrier) => carrier.passAll(way, announcing));
  }

  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): SocketInternals {
    const carrier = this.#carrierOf(meta);
    if (carrier !== undefined) return carrier.adopt(meta, handle);
    const refused = this.expect(meta);
    refused.arrive(handle, Buffer.from(meta.head ?? []));
    return refused.socket;
  }

  /** Something of it is built before it is this generation's. */
  prepare(meta: ConnectionMeta): Prepared | undefined {
    return this.#carrierOf(meta)?.onIntroduced(meta);
  }

  /** Where no such server is registered it is refused, in words of its own if it has any. */
  expect(meta: ConnectionMeta, prepared?: Prepared): AnnouncedConnection {
    const carrier = this.#carrierOf(meta);
    if (carrier !== undefined) return carrier.expect(meta, prepared);
    const socket = pendingSocket(undefined, undefined);
    const refused = new AnnouncedConnection(socket, () => {});
    refused.onAttended();
    this.#context.onRefused(`this version registers no such server (${meta.kind})`);
    const refuse = meta.kind === "http" ? undefined : carriedKinds[meta.kind].refuse;
    if (refuse) refuse(socket);
    else socket.end();
    return refused;
  }

  #carrierOf({ kind, server: ordinal }: ConnectionMeta): Carrier | undefined {
    const isRegistered = kind !== "http" && ordinal !== undefined;
    return isRegistered ? this.find({ kind, ordinal }) : undefined;
  }

  find({ kind, ordinal }: CarrierIdentity): Carrier | undefined {
    return this.#all.find(({ identity }) => identity.kind === kind && identity.ordinal === ordinal);
  }

  /** Also those that come yet: an upgrade whose verification was under way. */
  async #follow(send: SendConnection, started: number): Promise<void> {
    while (this.#isMoving) {
      await this.#change(started);
      if (this.#isMoving) await this.#sendFree(send);
    }
  }

  async #sendFree(send: SendConnection): Promise<number> {
    let busy = 0;
    for (const carrier of this.#all) busy += await carrier.sendFree(send);
    return busy;
  }

  /** A message has ended, or it is time to look again. */
  #change(startedMs: number): Promise<void> {
    return new Promise((resolve) => {
      const isSoon = performance.now() - startedMs < SOON_MS;
      const done = () => {
        this.#look = () => {};
        resolve();
      };
      const timer = setTimeout(done, isSoon ? LOOK_MS : LOOK_LATER_MS);
      this.#look = () => {
        clearTimeout(timer);
        setImmediate(done);
      };
    });
  }

  #observeNew(): void {
    for (const kind of Object.keys(carriedKinds) as CarriedKind[]) {
      const known = this.#all.filter(({ identity }) => identity.kind === kind).length;
      for (let ordinal = known; ordinal < this.#registrations.servers[kind].length; ordinal += 1) {
        carryServer(this.#registrations, this.#add({ kind, ordinal }), this.#context);
      }
    }
  }

  #add(identity: CarrierIdentity): Carrier {
    const carrier = new Carrier(identity, this.#context);
    carrier.onChange = () => {
      this.#look();
      this.onChange();
    };
    this.#all.push(carrier);
    if (this.#all.length === 1) this.onFirst();
    return carrier;
  }
}
