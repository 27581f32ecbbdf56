/** This machine as a host: the same commands without ssh. */
import { messageOf, TsugiError } from "../contract/errors.ts";
import { runChild } from "./child.ts";
import { commandText, Patience, quietMsOf, silentError } from "./patience.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

export class LocalTransport implements Transport {
  readonly name: string;
  readonly isDry = false;

  constructor(name: string) {
    this.name = name;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [command, ...args] = argv;
    const tired = new AbortController();
    const patience = new Patience(quietMsOf(options), (ms) =>
      tired.abort(silentError(this.name, ms, argv, commandText(argv))),
    );
    const signal = AbortSignal.any([tired.signal, ...(options.signal ? [options.signal] : [])]);
    try {
      const onLife = () => patience.renew(quietMsOf(options));
      return await runChild(command!, args, { ...options, signal, onLife, leave: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall?.startsWith("spawn") !== true) throw error;
      const next = "See whether it is there, and may be run";
      const details = {
        host: this.name,
        problem: messageOf(error),
        next,
        try: `${command} --help`,
      };
      throw new TsugiError("TSUGI_HOST_UNREACHABLE", details, { cause: error });
    } finally {
      patience.end();
    }
  }

  async close(): Promise<void> {}
}
