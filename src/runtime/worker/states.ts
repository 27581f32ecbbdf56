/** The application's `hot.state`s, towards the supervisor: declared, sent, received, watched. */
import type { Registrations } from "../../hot/registrations.ts";
import type { CarriedState, DeclaredState } from "../../protocol/states.ts";
import type { WorkerBoot, WorkerReplies, WorkerRequest } from "../../protocol/worker.ts";
import type { EventSink } from "../node/channel.ts";
import type { RawHandle } from "../node/internals.ts";
import { FrameWriter } from "../state/frames.ts";
import { receiveStates } from "../state/receive.ts";
import { sendStates } from "../state/send.ts";
import { carryByReference } from "../swap/carry.ts";

type SendState = Extract<WorkerRequest, { type: "sendState" }>;

export class States {
  readonly #boot: WorkerBoot;
  readonly #registrations: Registrations;
  readonly #channel: EventSink;

  constructor(boot: WorkerBoot, registrations: Registrations, channel: EventSink) {
    this.#boot = boot;
    this.#registrations = registrations;
    this.#channel = channel;
  }

  declared(): DeclaredState[] {
    const versions = (steps: object | undefined) => Object.keys(steps ?? {}).map(Number);
    return this.#cells().map(({ name, version, options }) => ({
      name,
      version,
      upgradesFrom: versions(options.upgrade),
      downgradesFrom: versions(options.downgrade),
      encoded: options.encode !== undefined || options.decode !== undefined,
    }));
  }

  /** This generation serves: each state has its value, and may be read and written. */
  settle(): void {
    for (const cell of this.#cells()) {
      cell.unwatch();
      cell.settle();
    }
  }

  /** `hasGoneOn`: this is the carry, not a rehearsal of it. */
  async send(
    { wanted, sliced, pure, check }: SendState,
    handle: RawHandle,
    { hasGoneOn }: { hasGoneOn: boolean },
  ): Promise<WorkerReplies["sendState"]> {
    const writer = new FrameWriter(handle);
    const options = { sliced, pure, check: check || this.#boot.mode === "rehearsal" };
    const sent = await sendStates(this.#cells(), wanted, this.#boot.version, writer, options);
    if (hasGoneOn) this.#watch();
    return sent;
  }

  async receive(
    handle: RawHandle,
    { isLoading, check }: { isLoading: boolean; check: boolean },
  ): Promise<WorkerReplies["receiveState"]> {
    this.#prepare(isLoading);
    const { version: release, mode } = this.#boot;
    const rehearsal = mode === "rehearsal";
    const options = { release, rehearsal, check: check || rehearsal };
    return { states: await receiveStates(this.#registrations.states, handle, options) };
  }

  /** A swap: from another generation in this process. Nothing is set, and nothing lost, if one fails. */
  async takeFrom(
    other: States,
    how: { isLoading: boolean; hasGoneOn: boolean; check: boolean },
  ): Promise<CarriedState[]> {
    this.#prepare(how.isLoading);
    const from = { registrations: other.#registrations, boot: other.#boot };
    const to = { registrations: this.#registrations, boot: this.#boot };
    const states = await carryByReference(from, to, how.check);
    if (how.hasGoneOn) other.#watch();
    return states;
  }

  #prepare(isLoading: boolean): void {
    for (const cell of this.#cells()) {
      cell.unwatch();
      if (isLoading && cell.settled) this.#noticeEarlyRead(cell.name);
    }
  }

  /** What still reads or writes a state here is told, once for each, never silent. */
  #watch(): void {
    for (const cell of this.#cells()) {
      let told = false;
      cell.watch(() => {
        if (told) return;
        told = true;
        this.#channel.send({ type: "lateAccess", state: cell.name });
      });
    }
  }

  #noticeEarlyRead(name: string): void {
    const text = `hot.state("${name}") was read while loading, before the carried value came: keep the ref, not what .value held then`;
    this.#channel.send({ type: "notice", text });
  }

  #cells() {
    return [...this.#registrations.states.values()];
  }
}
