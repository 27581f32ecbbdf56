/**
 * `hot` under plain `node`, `tsx`, a debugger or a test runner: state is `initial()`, `prepare` and
 * `activate` run once the event loop turns, `freeze` and `dispose` run at SIGTERM, and only where
 * such hooks were registered.
 */
import { createHot, Registrations } from "./registrations.ts";
import type { Hot } from "./types.ts";

export function createInertHot(): Hot {
  const registrations = new Registrations();
  let startPending = false;
  let endArmed = false;
  registrations.onHook = (kind) => {
    if (kind === "freeze" || kind === "dispose") {
      if (endArmed) return;
      endArmed = true;
      process.once("SIGTERM", () => end(registrations));
    } else if (kind === "prepare" || kind === "activate") {
      if (startPending) return;
      startPending = true;
      setImmediate(() => {
        startPending = false;
        start(registrations);
      });
    }
  };
  return createHot(registrations, undefined);
}

/** Runs each hook once; a failing one ends the process as any unhandled rejection does. */
async function start(registrations: Registrations): Promise<void> {
  const { prepare, activate } = registrations.hooks;
  for (const hook of prepare.splice(0)) await hook();
  for (const hook of activate.splice(0)) await hook();
}

async function end(registrations: Registrations): Promise<void> {
  try {
    await registrations.run("freeze");
    await registrations.run("dispose");
  } finally {
    // With a handler of its own the application decides when to exit; without one SIGTERM ends it.
    if (process.listenerCount("SIGTERM") === 0) process.kill(process.pid, "SIGTERM");
  }
}
