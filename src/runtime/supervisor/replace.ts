/** A handoff whose new workers are another supervisor's, which takes `run/` over at the end. */
import type { Slot } from "./generation.ts";
import { Handoff } from "./handoff.ts";
import { Successor } from "./successor.ts";
import type { Leftover } from "./takeover.ts";

export class Replace extends Handoff {
  #successor: Successor | undefined;

  override async load(processes: readonly string[]): Promise<void> {
    if (this.#successor === undefined) {
      const { layout, listeners, foreground } = this.supervisor.parts;
      this.#successor = new Successor(this.next, layout, process.env, foreground);
      const all = this.next.plan.manifest.processes.map(({ name }) => name);
      const late = all.filter((name) => !processes.includes(name));
      await this.#successor.load(listeners, late);
    } else await this.#successor.loadLate();
    await this.supervisor.slots.waitReady(this.next);
  }

  override async abandon(slots: readonly Slot[]): Promise<Leftover[]> {
    const leftovers = await super.abandon(slots);
    this.#successor?.abandon();
    return leftovers;
  }

  override end(): void {
    super.end();
    this.#successor?.abandon();
  }

  override takeOver(): Promise<void> {
    return this.supervisor.handOver(async () => this.#successor?.takeOver());
  }
}
