/**
 * What log/upgrades.jsonl comes to. The file is what outlives a supervisor, so counters are of all of
 * it; what was read once is not read again.
 */

import { type FileHandle, open } from "node:fs/promises";
import { takingTurns } from "../../../platform/turns.ts";
import type { UpgradeReport } from "../../../protocol/report.ts";
import { addReport, emptyTally, type UpgradeTally } from "../../../protocol/upgradeTally.ts";

const CHUNK_BYTES = 64 * 1024;
const LINE_FEED = 10;

export class ReportReader {
  #tally = emptyTally();
  #readBytes = 0;
  readonly #inTurn = takingTurns();

  async read(path: string): Promise<UpgradeTally> {
    // Two who ask at once must not count a line twice.
    await this.#inTurn(() => this.#readOn(path));
    return this.#tally;
  }

  async #readOn(path: string): Promise<void> {
    const file = await open(path).catch(() => undefined);
    try {
      const size = (await file?.stat())?.size ?? 0;
      // Somebody has emptied it, or taken it away.
      if (size < this.#readBytes) this.#forget();
      if (file !== undefined) await this.#readLines(file, size);
    } finally {
      await file?.close();
    }
  }

  #forget(): void {
    this.#tally = emptyTally();
    this.#readBytes = 0;
  }

  /** A last line without its end is being written: it is read the next time. */
  async #readLines(file: FileHandle, size: number): Promise<void> {
    let pending = Buffer.alloc(0);
    while (this.#readBytes + pending.length < size) {
      const position = this.#readBytes + pending.length;
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - position));
      const { bytesRead } = await file.read({ buffer: chunk, position });
      if (bytesRead === 0) return;
      pending = Buffer.concat([pending, chunk.subarray(0, bytesRead)]);
      const end = pending.lastIndexOf(LINE_FEED) + 1;
      for (const line of pending.toString("utf8", 0, end).split("\n")) this.#add(line);
      pending = pending.subarray(end);
      this.#readBytes += end;
    }
  }

  /** What a crash has cut is nobody's report. */
  #add(line: string): void {
    try {
      if (line !== "") addReport(this.#tally, JSON.parse(line) as UpgradeReport);
    } catch {
      // The next line counts.
    }
  }
}
