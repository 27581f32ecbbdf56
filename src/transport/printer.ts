/** `--dry-run`: prints what would be run. What only reads is run, so that the plan is the real one. */
import { quoteCommand } from "./quote.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

export class PrinterTransport implements Transport {
  readonly isDry = true;
  readonly #inner: Transport;
  readonly #print: (host: string, command: string) => void;

  constructor(inner: Transport, print: (host: string, command: string) => void) {
    this.#inner = inner;
    this.#print = print;
  }

  get name(): string {
    return this.#inner.name;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    if (options.readOnly) return this.#inner.run(argv, options);
    this.#print(this.name, quoteCommand(argv));
    return { exitCode: 0, stdout: "", stderr: "" };
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
