/**
 * Ctrl-C, or a terminal that is closed: the first one ends all waiting and says what is left where, a second
 * Ctrl-C says nothing.
 */

import { setMaxListeners } from "node:events";
import { isatty } from "node:tty";
import { TsugiError } from "../contract/errors.ts";

export interface Interrupt {
  signal: AbortSignal;
  /** While `body` goes on, Ctrl-C ends the program. */
  without<T>(body: () => Promise<T>): Promise<T>;
  end(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Without one, a hangup is not for us: Node has forgotten by now that nohup had it ignored. */
const hasTerminal = () => [0, 1, 2].some((descriptor) => isatty(descriptor));

export function onInterrupt(say: (text: string) => void): Interrupt {
  const abort = new AbortController();
  // Each host waits for it: of more than ten Node thinks that they are a leak.
  setMaxListeners(0, abort.signal);
  const mayHangUp = hasTerminal();
  const interrupted = (name: NodeJS.Signals) => {
    // The kernel and the shell both tell of a terminal that is gone.
    if (name === "SIGHUP" && (abort.signal.aborted || !mayHangUp)) return;
    if (abort.signal.aborted) process.exit(130);
    say("Interrupted: nothing more is begun; what a host is at is left to it.");
    const details = { left: "Each host has one whole version.", environment: "<environment>" };
    abort.abort(new TsugiError("TSUGI_INTERRUPTED", details));
  };
  const begin = () => {
    for (const name of SIGNALS) process.on(name, interrupted);
  };
  const end = () => {
    for (const name of SIGNALS) process.off(name, interrupted);
  };
  begin();
  return {
    signal: abort.signal,
    without: (body) => {
      end();
      return body().finally(begin);
    },
    end,
  };
}
