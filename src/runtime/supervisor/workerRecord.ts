/**
 * `run/workers`: which processes the next start has to end, should this supervisor be killed. While
 * one takes over from another, it is the other's.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { identityOf, isAlive, livingOf, type ProcessIdentity } from "../../platform/processes.ts";
import { takingTurns } from "../../platform/turns.ts";
import type { Layout } from "../../release/layout.ts";

const AGAIN_MS = 1_000;

export class WorkerRecord {
  readonly #layout: Layout;
  readonly #live: () => number[];
  readonly #onError: (error: unknown) => void;
  /** Two workers may start at once: the last record wins. */
  readonly #inTurn = takingTurns();
  #isOurs = true;
  /** Of a predecessor: they end a little later. */
  #inherited: ProcessIdentity[] = [];

  constructor(layout: Layout, live: () => number[], onError: (error: unknown) => void) {
    this.#layout = layout;
    this.#live = live;
    this.#onError = onError;
  }

  async write(): Promise<void> {
    if (!this.#isOurs) return;
    this.#inherited = this.#inherited.filter(isAlive);
    const workers = [...this.#live().map(identityOf), ...this.#inherited];
    await this.#inTurn(() => record(this.#layout, workers)).catch((error) => {
      this.#onError(error);
      // A full disk: once it has room again, the record is to be right.
      setTimeout(() => void this.write(), AGAIN_MS).unref();
    });
  }

  /** It is another supervisor's: of the predecessor, or of the successor from now on. */
  async leave(): Promise<void> {
    this.#isOurs = false;
    await this.#inTurn(async () => {});
  }

  /** It is ours, with what the other one has written. */
  async keep(): Promise<void> {
    this.#inherited = livingOf(await readFile(this.#layout.workers, "utf8").catch(() => ""));
    this.#isOurs = true;
    await this.write();
  }
}

async function record(layout: Layout, workers: readonly ProcessIdentity[]): Promise<void> {
  const temporary = `${layout.workers}.${process.pid}`;
  try {
    const lines = workers.map((worker) => `${JSON.stringify(worker)}\n`).join("");
    await writeFile(temporary, lines, { mode: 0o600 });
    await rename(temporary, layout.workers);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
