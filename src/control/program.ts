/** All commands of `bin/<app>`. What one does is loaded when it is called. */
import type { Command } from "commander";
import type { NodeVerb } from "../contract/commands/host.ts";
import { hostProgram, hostVerbs } from "../usage/hostProgram.ts";
import type { Context } from "./context.ts";

/** Its arguments come after the context, its options last. */
type Run = (context: Context, ...words: never[]) => unknown;

const COMMANDS: Record<NodeVerb, () => Promise<{ default: Run }>> = {
  start: () => import("./commands/start.ts"),
  stop: () => import("./commands/stop.ts"),
  restart: () => import("./commands/restart.ts"),
  reload: () => import("./commands/reload.ts"),
  foreground: () => import("./commands/foreground.ts"),
  ping: () => import("./commands/ping.ts"),
  pid: () => import("./commands/pid.ts"),
  status: () => import("./commands/status.ts"),
  doctor: () => import("./commands/doctor.ts"),
  ps: () => import("./commands/ps.ts"),
  metrics: () => import("./commands/metrics.ts"),
  logs: () => import("./commands/logs.ts"),
  console: () => import("./commands/console.ts"),
  rpc: () => import("./commands/rpc.ts"),
  releases: () => import("./commands/releases.ts"),
  describe: () => import("./commands/describe.ts"),
  unpack: () => import("./commands/unpack.ts"),
  plan: () => import("./commands/plan.ts"),
  check: () => import("./commands/check.ts"),
  install: () => import("./commands/install.ts"),
  commit: () => import("./commands/commit.ts"),
  upgrade: () => import("./commands/upgrade.ts"),
  downgrade: () => import("./commands/downgrade.ts"),
  rollback: () => import("./commands/rollback.ts"),
  remove: () => import("./commands/remove.ts"),
  prune: () => import("./commands/prune.ts"),
  follow: () => import("./commands/follow.ts"),
  inventory: () => import("./commands/inventory.ts"),
  systemd: () => import("./commands/systemd.ts"),
  version: () => import("./commands/version.ts"),
  completion: () => import("./commands/completion.ts"),
};

export function createProgram(context: Context, args: string[]): Command {
  const { name, root } = context.layout;
  // A table of two dozen costs a millisecond that one command need not pay.
  const asked = hostVerbs.filter((verb) => verb === args[0]);
  const verbs = asked.length > 0 ? asked : hostVerbs;
  return hostProgram({ name, root, kind: "node" }, verbs, async (verb, words) => {
    const { default: run } = await COMMANDS[verb as NodeVerb]();
    await run(context, ...(words as never[]));
  });
}
