/**
 * What a generation of the application is made of, and what its parts hear of each other. When it
 * does what with them is in generation.ts.
 */
import { createHot, Registrations } from "../../hot/registrations.ts";
import type { Hot } from "../../hot/types.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import { Carriers } from "../handoff/carriers.ts";
import { EventSources } from "../handoff/eventSources.ts";
import { Incoming } from "../handoff/incoming.ts";
import { Outgoing } from "../handoff/outgoing.ts";
import { Staying } from "../handoff/staying.ts";
import { Traffic } from "../handoff/traffic.ts";
import type { KeepAlive } from "../listen/keepalive.ts";
import { type ListenDesk, Listeners } from "../listen/listeners.ts";
import type { EventSink } from "../node/channel.ts";
import { Readiness } from "./readiness.ts";
import { States } from "./states.ts";

export class GenerationParts {
  readonly boot: WorkerBoot;
  readonly registrations = new Registrations();
  readonly hot: Hot;
  readonly listeners: Listeners;
  readonly readiness: Readiness;
  readonly traffic: Traffic;
  readonly incoming: Incoming;
  /** Of the registered WebSocket and TCP servers. */
  readonly carriers: Carriers;
  readonly states: States;
  readonly outgoing: Outgoing;
  readonly staying: Staying;

  constructor(
    boot: WorkerBoot,
    channel: EventSink,
    { keepAlive, desk }: { keepAlive: KeepAlive; desk: ListenDesk },
  ) {
    this.boot = boot;
    const { name, version, previous, generation, strategy, mode } = boot;
    const rehearsal = mode === "rehearsal";
    const release = { name, version, previous, generation, strategy, rehearsal };
    this.hot = createHot(this.registrations, Object.freeze(release));
    this.listeners = new Listeners(channel, keepAlive, desk);
    this.readiness = new Readiness({
      listeners: this.listeners,
      registrations: this.registrations,
      readyAfterMs: boot.readyAfterMs,
      listensWithinMs: boot.listensWithinMs,
    });
    const { listeners, registrations } = this;
    // What `hot.prepare` makes is there before the first request.
    listeners.acceptsAtOnce = () =>
      mode === "active" &&
      registrations.hooks.prepare.length === 0 &&
      (strategy === "start" || !registrations.used);
    this.carriers = new Carriers(registrations, {
      keyOf: (socket) => this.traffic.connections.keyOf(socket),
      serverOf: (key) => listeners.byKey(key)?.server,
      isAnswering: () => this.staying.isAnswering,
      markCarried: (connection) => registrations.carried.add(connection),
      onRefused: (why) => channel.send({ type: "refused", why }),
      notice: (text) => channel.send({ type: "notice", text }),
    });
    const { carriers } = this;
    this.incoming = new Incoming({ channel, listeners, registrations, carriers });
    const traffic = new Traffic(listeners, carriers, registrations);
    const eventSources = new EventSources(registrations.reconnects);
    const parts = { channel, listeners, carriers, traffic, eventSources };
    this.traffic = traffic;
    this.outgoing = new Outgoing(parts);
    this.staying = new Staying(parts);
    this.states = new States(boot, registrations, channel);
  }
}
