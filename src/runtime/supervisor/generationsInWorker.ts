/**
 * The generations in one worker process, each with a handle of its own: what comes from the process
 * goes to the one that it is about. One, but while a swap is under way: then two.
 */
import type { WorkerEvent } from "../../protocol/worker.ts";
import type { RawHandle } from "./listeners.ts";
import type { WorkerChannel, WorkerExit } from "./workerChannel.ts";

export interface GenerationEnd {
  onEvent: (event: WorkerEvent, handle: RawHandle | undefined) => void;
  onOutput: (stream: "stdout" | "stderr", chunk: Buffer) => void;
  onExit: (exit: WorkerExit) => void;
}

export class GenerationsInWorker {
  readonly #first: number;
  /** The first one stays: it is how the process itself is spoken to. */
  readonly #firstEnd = new Map<number, GenerationEnd>();
  readonly #ends = new Map<number, GenerationEnd>();
  /** Whose output it is: nobody can tell two generations' apart. */
  speaking: number;

  constructor(channel: WorkerChannel, first: number) {
    this.#first = first;
    this.speaking = first;
    channel.onEvent((event, handle, generation = first) => {
      const end = this.#firstEnd.get(generation) ?? this.#ends.get(generation);
      if (end) end.onEvent(event, handle);
      else handle?.close();
    });
    channel.onOutput((stream, chunk) => this.#ends.get(this.speaking)?.onOutput(stream, chunk));
    channel.onExit((exit) => {
      for (const end of new Set([...this.#firstEnd.values(), ...this.#ends.values()])) {
        end.onExit(exit);
      }
    });
  }

  add(generation: number, end: GenerationEnd): void {
    this.#ends.set(generation, end);
    if (generation === this.#first) this.#firstEnd.set(generation, end);
  }

  delete(generation: number): void {
    this.#ends.delete(generation);
  }

  /** The first one is addressed without a number, as in a process that never swaps. */
  addressOf(generation: number): number | undefined {
    return generation === this.#first ? undefined : generation;
  }
}
