/**
 * `hot` under plain `node`, `tsx`, a debugger or a test runner: state is `initial()`, `prepare` and
 * `activate` run once the event loop turns, `freeze` and `dispose` run at SIGTERM, and only where
 * such hooks were registered.
 */
import { createHot, HotRegistry } from "./registry.ts";
import type { Hot } from "./types.ts";

export function createInertHot(): Hot {
  const registry = new HotRegistry();
  let startPending = false;
  let endArmed = false;
  registry.onHook = (kind) => {
    if (kind === "freeze" || kind === "dispose") {
      if (endArmed) return;
      endArmed = true;
      process.once("SIGTERM", () => end(registry));
    } else if (kind === "prepare" || kind === "activate") {
      if (startPending) return;
      startPending = true;
      setImmediate(() => {
        startPending = false;
        start(registry);
      });
    }
  };
  return createHot(registry, undefined);
}

/** Runs each hook once; a failing one ends the process as any unhandled rejection does. */
async function start(registry: HotRegistry): Promise<void> {
  const { prepare, activate } = registry.hooks;
  for (const hook of prepare.splice(0)) await hook();
  for (const hook of activate.splice(0)) await hook();
}

async function end(registry: HotRegistry): Promise<void> {
  try {
    await registry.run("freeze");
    await registry.run("dispose");
  } finally {
    // With a handler of its own the application decides when to exit; without one SIGTERM ends it.
    if (process.listenerCount("SIGTERM") === 0) process.kill(process.pid, "SIGTERM");
  }
}
