/** Ctrl-C: the first one ends all waiting and says what is left where, the second one says nothing. */
import { TsugiError } from "../contract/errors.ts";

export function onInterrupt(say: (text: string) => void): { signal: AbortSignal; end: () => void } {
  const abort = new AbortController();
  const interrupted = () => {
    if (abort.signal.aborted) process.exit(130);
    say("Interrupted: nothing more is begun; what a host is at is left to it.");
    const details = { left: "Each host has one whole version.", environment: "<environment>" };
    abort.abort(new TsugiError("TSUGI_INTERRUPTED", details));
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
