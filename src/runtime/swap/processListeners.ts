/**
 * `process.on("SIGTERM", …)` and the like outlive the generation that said them, and hold it. Those
 * that its own code added are taken off again when it goes; a package's are everybody's.
 */
import { callingFile } from "./callers.ts";

type Listener = (...parts: unknown[]) => void;
type Add = (event: string | symbol, listener: Listener) => NodeJS.Process;

interface Added {
  event: string | symbol;
  listener: WeakRef<Listener>;
  file: string;
}

const METHODS = ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const;

export class ProcessListeners {
  #added: Added[] = [];
  #isWatching = false;

  /** Once, when the first application is loaded that can be swapped. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const target = process as unknown as Record<(typeof METHODS)[number], Add>;
    for (const method of METHODS) {
      const original = target[method];
      const note = (event: string | symbol, listener: Listener, file: string) =>
        this.#added.push({ event, listener: new WeakRef(listener), file });
      target[method] = function watched(this: NodeJS.Process, event, listener) {
        const file = callingFile(watched as never, true);
        if (file !== undefined && typeof listener === "function") note(event, listener, file);
        return original.call(this, event, listener);
      };
    }
  }

  /** Everything that the code of this file has added, and nobody has removed. */
  removeOf(file: string): void {
    for (const added of this.#added) {
      const listener = added.listener.deref();
      if (added.file === file && listener) process.removeListener(added.event, listener);
    }
    this.#added = this.#added.filter((one) => one.file !== file && one.listener.deref());
  }
}
