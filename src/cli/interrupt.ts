/** Ctrl-C: the first one stops in good order, the second one leaves at once. */
import { TsugiError } from "../contract/errors.ts";

export function onInterrupt(say: (text: string) => void): { signal: AbortSignal; end: () => void } {
  const abort = new AbortController();
  const interrupted = () => {
    if (abort.signal.aborted) process.exit(130);
    say("Interrupted: what has begun is waited for. Once more leaves it to the hosts.");
    abort.abort(new TsugiError("TSUGI_INTERRUPTED"));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.on(name, interrupted);
  return {
    signal: abort.signal,
    end: () => {
      for (const name of signals) process.off(name, interrupted);
    },
  };
}
