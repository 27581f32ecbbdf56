/**
 * `bin/<app>`. A command is a row here or in a table of host/, a file in src/control/commands, and an
 * Erlang function. The order is that of the help.
 */
import { type CommandRow, commands, type HostKind, type OptionsOf, SHELLS } from "./define.ts";
import { ASK_COMMANDS } from "./host/ask.ts";
import { CHANGE_COMMANDS } from "./host/change.ts";
import { LIFE_COMMANDS } from "./host/life.ts";
import { JSON_DOCUMENT } from "./host/options.ts";

export const HOST_COMMANDS = commands({
  ...LIFE_COMMANDS,
  ...ASK_COMMANDS,
  ...CHANGE_COMMANDS,
  inventory: {
    text: "what this host has, so that nothing of it needs to be sent again",
    options: {
      "--files": "every file with its SHA-256",
      "--manifests": {
        text: "every release.json, for who has none of these releases",
        only: "node",
      },
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "Inventory",
    example: "bin/wall inventory --json",
    erlang: ["tsugi_ask", "inventory"],
  },
  systemd: {
    text: "print a unit for this root",
    options: JSON_DOCUMENT,
    document: "SystemdUnit",
    example: "bin/wall systemd",
    erlang: ["tsugi_unit", "systemd"],
  },
  version: {
    text: "the release's version, and what this command runs on",
    options: JSON_DOCUMENT,
    document: "HostVersion",
    example: "bin/wall version",
    erlang: ["tsugi_ask", "version"],
  },
  completion: {
    text: "print what makes a shell complete this command: versions, too",
    arguments: { "<shell>": { text: SHELLS.join(", "), completed: SHELLS } },
    example: "bin/wall completion bash",
    erlang: ["tsugi_usage", "completion"],
  },
});

export type HostVerb = keyof typeof HOST_COMMANDS;

/** Those that a host of Node has. */
export type NodeVerb = {
  [V in HostVerb]: (typeof HOST_COMMANDS)[V] extends { only: "beam" } ? never : V;
}[HostVerb];

/** What `bin/<app>` on a host of Node is called with. */
export type HostOptions<V extends NodeVerb> = OptionsOf<(typeof HOST_COMMANDS)[V]>;

/** What a host of that kind has. */
export const hostCommands = (kind: HostKind): [HostVerb, CommandRow][] =>
  (Object.entries(HOST_COMMANDS) as [HostVerb, CommandRow][]).filter(
    ([, { only = kind }]) => only === kind,
  );

/** Commander's own on Node, a command as any other on an Erlang host. */
export const HELP = {
  call: "help [command]",
  text: "what there is, or how a command is called",
} as const;
