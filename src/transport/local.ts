/** This machine as a host: the same commands without ssh. */
import { messageOf, TsugiError } from "../contract/errors.ts";
import { runChild } from "./child.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

export class LocalTransport implements Transport {
  readonly name: string;
  readonly isDry = false;

  constructor(name: string) {
    this.name = name;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [command, ...args] = argv;
    try {
      const { exitCode, stdout, stderr } = await runChild(command!, args, options);
      return { exitCode, stdout, stderr };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall?.startsWith("spawn") !== true) throw error;
      const details = { host: this.name, problem: messageOf(error), try: `${command} --help` };
      throw new TsugiError("TSUGI_HOST_UNREACHABLE", details, { cause: error });
    }
  }

  async close(): Promise<void> {}
}
