/** All commands of `bin/<app>`. One is loaded when it is called, all only for help. */
import { Command } from "commander";
import type { Register } from "./command.ts";
import type { Context } from "./context.ts";

type Load = () => Promise<{ default: Register }>;

const COMMANDS: Record<string, Load> = {
  start: () => import("./commands/start.ts"),
  stop: () => import("./commands/stop.ts"),
  restart: () => import("./commands/restart.ts"),
  reload: () => import("./commands/reload.ts"),
  foreground: () => import("./commands/foreground.ts"),
  ping: () => import("./commands/ping.ts"),
  pid: () => import("./commands/pid.ts"),
  status: () => import("./commands/status.ts"),
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
  inventory: () => import("./commands/inventory.ts"),
  systemd: () => import("./commands/systemd.ts"),
  version: () => import("./commands/version.ts"),
};

export async function createProgram(context: Context, args: string[]): Promise<Command> {
  const { name, root } = context.layout;
  const program = new Command(name)
    .description(`${name} at ${root}, run and upgraded by tsugi`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError()
    .helpCommand("help [command]", "what there is, or how a command is called")
    .addHelpText("after", EXIT_CODES);
  const asked = COMMANDS[args[0] ?? ""];
  const wanted = asked ? [asked] : Object.values(COMMANDS);
  for (const command of await Promise.all(wanted.map((load) => load()))) {
    command.default(program, context);
  }
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not running
  4 refused or thawed: the old version serves as before
  5 handed back: the old version serves again`;
