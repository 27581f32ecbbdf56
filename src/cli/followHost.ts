/** A command of a host that has no end, followed until somebody has seen enough. */
import { followed, type Host } from "../deploy/index.ts";

export interface Following {
  onStdout: (text: string) => void;
  signal: AbortSignal;
  /** How long it may say nothing; for ever, unless it is said. */
  quietMs?: number;
}

/** @throws where it ends by itself, as a command that failed */
export async function followHost(
  host: Host,
  what: string,
  argv: string[],
  { onStdout, signal, quietMs = Number.POSITIVE_INFINITY }: Following,
): Promise<void> {
  const stdin = untilAborted(signal);
  await host.must(what, followed(argv), { onStdout, stdin, signal, quietMs });
}

async function* untilAborted(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  yield new Uint8Array();
}
