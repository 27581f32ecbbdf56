/**
 * The supervisor's own stdout, under `foreground`: a file, a pipe, a terminal, systemd's socket.
 * Nobody who reads it slowly, or not at all, makes the supervisor wait.
 */

import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import { orUndefined } from "../../../contract/checks.ts";
import type { LogTarget } from "./queue.ts";

const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
const writeLater = promisify(write);

export class OutputTarget implements LogTarget {
  readonly batchBytes = 64 * 1024;
  #fd: number;
  /** Our own, that has to be closed. */
  #reopened = false;
  /** A write is done beside the event loop, and may wait there. */
  #mayWait = false;

  constructor(fd = 1) {
    this.#fd = fd;
    const found = fstatSync(fd);
    if (found.isFile()) {
      this.#mayWait = true;
      return;
    }
    // Without waiting, and for nobody else who shares it: as a description of our own.
    const own = found.isSocket() ? undefined : orUndefined(() => openAnew(fd));
    if (own !== undefined) {
      this.#fd = own;
      this.#reopened = true;
    } else if (found.isCharacterDevice()) {
      this.#mayWait = true;
    } else {
      // Node makes it one that does not wait.
      process.stdout.on("error", () => {});
    }
  }

  async write(bytes: Buffer): Promise<number> {
    if (this.#mayWait) return (await writeLater(this.#fd, bytes, 0, bytes.length)).bytesWritten;
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#reopened) closeSync(this.#fd);
    this.#reopened = false;
    this.#fd = -1;
  }
}

/** @throws where it is another user's, or there is no /proc */
const openAnew = (fd: number): number =>
  openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
