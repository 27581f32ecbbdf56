/**
 * `bin/<app>`. A command is a row here, a file in src/control/commands, and an Erlang function.
 */
import { SETTINGS } from "../settings.ts";
import { type CommandRow, commands, type HostKind, type OptionsOf, SHELLS } from "./define.ts";

const JSON_DOCUMENT = { "--json": "one JSON document on stdout" } as const;

const SLOT = {
  "--process <name>": {
    node: "which process (default: the first)",
    beam: "which process: a BEAM release has one, main",
  },
  "--slot <number>": {
    text: { node: "which of its slots", beam: "which of its slots: it has one, 0" },
    value: "whole",
  },
} as const;

const FORCE_TEXT = {
  node: "replace a release of the same version that is merely unpacked",
  beam: "replace an unpacked release of the same version; accept an incomplete appup",
};
const FORCE = { "--force": FORCE_TEXT } as const;
const FORCE_APPUP = { "--force": { text: FORCE_TEXT, only: "beam" } } as const;

const EPHEMERAL = { "--ephemeral": "also where the root is gone with its container" } as const;

const CHANGE = {
  "--rehearse <mode>": {
    text: "take a copy of the live state through the new code first",
    choices: ["auto", "full", "skip"],
    default: "auto",
  },
  "--allow-restart": {
    text: "also where only a restart will do; state in memory is lost",
    only: "beam",
  },
  ...EPHEMERAL,
  ...JSON_DOCUMENT,
} as const;

const WAIT = {
  "--wait": {
    text: "return only when the old version's last response has ended, too",
    only: "node",
  },
} as const;

const VERSION_OR_FILE = {
  "<version|file>": {
    text: "a version in the drop box or unpacked, a tarball, or a build's folder",
    completed: "releases here",
  },
} as const;

const KEEP_ENV = {
  "--keep-env": "with this shell's whole environment, not only what a unit would have",
} as const;

/** How a host looks what is wanted. */
const FOLLOWING = {
  "--every <seconds>": { text: "how often it looks", value: "positive", default: 30, only: "node" },
  "--share <percent>": {
    text: "only so many of all hosts follow, always the same ones",
    value: "positive",
    default: 100,
    only: "node",
  },
  "--annotation <key>": {
    text: 'the line of the file that is meant: <key>="…", as Kubernetes writes annotations',
    only: "node",
  },
} as const;

export const HOST_COMMANDS = commands({
  start: {
    text: "start the permanent release; returns when it is ready",
    options: {
      "--version <version>": {
        text: "another release; once it is ready, it is the permanent one",
        completed: "releases here",
        only: "node",
      },
      ...KEEP_ENV,
      ...JSON_DOCUMENT,
    },
    exits: [1, 3, 4],
    document: "Started",
    example: "bin/wall start",
    erlang: ["tsugi_life", "start"],
  },
  stop: {
    text: "finish what is under way, then end; returns when all is gone",
    options: JSON_DOCUMENT,
    exits: [1, 3],
    document: "Stopped",
    example: "bin/wall stop",
    erlang: ["tsugi_life", "stop"],
  },
  restart: {
    text: "stop, then start; in-memory state is lost (reload and upgrade keep it)",
    options: { ...KEEP_ENV, ...JSON_DOCUMENT },
    exits: [1, 3, 4],
    document: "Started",
    example: "bin/wall restart",
    erlang: ["tsugi_life", "restart"],
  },
  reload: {
    text: "apply a changed etc/ to the running release; no connection is dropped",
    options: { ...WAIT, ...JSON_DOCUMENT },
    exits: [1, 3, 4, 5],
    document: "UpgradeReport",
    example: "bin/wall reload",
    erlang: ["tsugi_change", "reload"],
  },
  foreground: {
    text: "run without a daemon, for containers and systemd; the log goes to stdout only",
    options: {
      "--follow <reference|file>": {
        text: "begin with the release that is wanted there, and go wherever it says: help follow",
        only: "node",
      },
      ...FOLLOWING,
    },
    exits: [1, 4],
    example: "bin/wall foreground",
    erlang: ["tsugi_life", "foreground"],
  },
  ping: {
    text: "pong, if it is running and answers",
    options: JSON_DOCUMENT,
    exits: [1, 3],
    document: "Pong",
    example: "bin/wall ping",
    erlang: ["tsugi_ask", "ping"],
  },
  pid: {
    text: { node: "print the supervisor's pid", beam: "print the VM's pid" },
    options: JSON_DOCUMENT,
    exits: [3],
    document: "Pid",
    example: "bin/wall pid",
    erlang: ["tsugi_ask", "pid"],
  },
  status: {
    text: "what runs, since when, how well; exit 3 when it is not running",
    options: { "-w, --watch": "each second until Ctrl-C, with how busy it is", ...JSON_DOCUMENT },
    exits: [1, 3],
    document: "Status | NotRunning | Glance",
    example: "bin/wall status --json",
    erlang: ["tsugi_ask", "status"],
  },
  doctor: {
    text: "what is wrong on this host, each with its remedy; also where nothing runs",
    options: JSON_DOCUMENT,
    exits: [4],
    document: "Diagnosis",
    example: "bin/wall doctor",
    erlang: ["tsugi_doctor", "doctor"],
  },
  ps: {
    text: "the applications beside this one, under the same parent folder: a row each",
    options: JSON_DOCUMENT,
    exits: [1],
    document: "Neighbours",
    example: "bin/wall ps",
    erlang: ["tsugi_ps", "ps"],
  },
  metrics: {
    text: "what runs, and how upgrades went, as OpenMetrics text",
    exits: [1, 3],
    example: "bin/wall metrics",
    erlang: ["tsugi_metrics", "metrics"],
  },
  logs: {
    text: "the last lines of the log; -f goes on as they come, through rotations",
    options: {
      "-f, --follow": "go on until Ctrl-C",
      "-n, --lines <count>": { text: "how many of the last lines", value: "whole", default: 100 },
    },
    exits: [1],
    example: "bin/wall logs -n 20 -f",
    erlang: ["tsugi_ask", "logs"],
  },
  console: {
    text: {
      node: "a REPL inside a running worker; Ctrl-D leaves it, the worker goes on",
      beam: "a shell (IEx, or Erlang's) inside the running node",
    },
    options: SLOT,
    exits: [1, 3],
    example: "bin/wall console",
    erlang: ["tsugi_ask", "console"],
  },
  rpc: {
    text: {
      node: "evaluate an expression inside a running worker and print its value",
      beam: "evaluate an expression inside the running node and print its value",
    },
    arguments: {
      "<expression>": { node: "JavaScript; a promise is awaited", beam: "Elixir, or else Erlang" },
    },
    options: {
      ...SLOT,
      "--max-bytes <count>": {
        text: "how much of a long value comes (default: 1 MB; at most 64 MB)",
        value: "positive",
        only: "node",
      },
      ...JSON_DOCUMENT,
    },
    exits: [1, 3],
    document: "Evaluated",
    example: 'bin/wall rpc "process.memoryUsage().rss"',
    erlang: ["tsugi_ask", "rpc"],
  },
  eval: {
    text: "evaluate an expression beside what runs: code and configuration, nothing started",
    arguments: { "<expression>": "Elixir, or else Erlang" },
    exits: [1, 4],
    only: "beam",
    example: 'bin/wall eval "Wall.Release.migrate()"',
    erlang: ["tsugi_life", "eval"],
  },
  releases: {
    text: "the releases on this host and their status",
    options: JSON_DOCUMENT,
    exits: [1],
    document: "ReleaseList",
    example: "bin/wall releases",
    erlang: ["tsugi_ask", "releases"],
  },
  describe: {
    text: "what a release is made of, and how it came here",
    arguments: {
      "[version]": { text: "default: the one that runs, or would", completed: "releases here" },
    },
    options: JSON_DOCUMENT,
    exits: [1, 4],
    document: "Described",
    example: "bin/wall describe 1.2.0",
    erlang: ["tsugi_ask", "describe"],
  },
  unpack: {
    text: "verify a release and put it on this host; nothing that runs is touched",
    arguments: VERSION_OR_FILE,
    options: {
      "--delta": {
        text: "what is named is a delta for this host; - reads it from stdin",
        only: "node",
      },
      "--force": FORCE_TEXT.node,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Unpacked",
    example: "bin/wall unpack /tmp/wall-1.2.0.tar.gz",
    erlang: ["tsugi_change", "unpack"],
  },
  plan: {
    text: "how an upgrade would go, and why; nothing is run, nothing unpacked",
    arguments: VERSION_OR_FILE,
    options: {
      "--from <version>": {
        text: "from another release than the one that runs, or would",
        completed: "releases here",
      },
      ...FORCE_APPUP,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Plan",
    example: "bin/wall plan 1.2.0",
    erlang: ["tsugi_change", "plan"],
  },
  check: {
    text: "the upgrade up to the point where the old version would notice; then thrown away",
    arguments: VERSION_OR_FILE,
    options: {
      "--boot": {
        node: "boot also an application that doesn't use tsugi/hot",
        beam: "nothing more: a BEAM release is checked in full",
      },
      ...FORCE_APPUP,
      ...CHANGE,
    },
    exits: [1, 3, 4],
    document: "UpgradeReport",
    example: "bin/wall check 1.2.0",
    erlang: ["tsugi_change", "check"],
  },
  install: {
    text: "like upgrade, but not permanent: until a commit, a restart boots the old version",
    arguments: VERSION_OR_FILE,
    options: { ...FORCE, ...CHANGE },
    exits: [1, 3, 4, 5],
    document: "Installed | UpgradeReport",
    example: "bin/wall install 1.2.0",
    erlang: ["tsugi_change", "install"],
  },
  commit: {
    text: "make the current release permanent: from now on a boot starts it",
    options: JSON_DOCUMENT,
    exits: [1, 3, 4, 5],
    document: "Committed",
    example: "bin/wall commit",
    erlang: ["tsugi_change", "commit"],
  },
  upgrade: {
    text: "go over to another version while the service runs, and make it permanent",
    arguments: VERSION_OR_FILE,
    options: { ...FORCE, ...WAIT, ...CHANGE },
    exits: [1, 3, 4, 5],
    document: "UpgradeReport",
    example: "bin/wall upgrade 1.2.0",
    erlang: ["tsugi_change", "upgrade"],
  },
  downgrade: {
    text: "go back to an earlier version while the service runs; state is carried back",
    arguments: {
      "<version>": { text: "one that was permanent on this host", completed: "releases here" },
    },
    options: { ...FORCE_APPUP, ...WAIT, ...CHANGE },
    exits: [1, 3, 4, 5],
    document: "UpgradeReport",
    example: "bin/wall downgrade 1.1.0",
    erlang: ["tsugi_change", "downgrade"],
  },
  rollback: {
    text: "back to the version that was permanent before; a current one is given up",
    options: { ...FORCE_APPUP, ...WAIT, ...CHANGE },
    exits: [1, 3, 4, 5],
    document: "UpgradeReport",
    example: "bin/wall rollback",
    erlang: ["tsugi_change", "rollback"],
  },
  remove: {
    text: "take a release off this host; the permanent and the current one stay",
    arguments: { "<version>": { completed: "releases here" } },
    options: JSON_DOCUMENT,
    exits: [1, 4],
    document: "Removed",
    example: "bin/wall remove 1.0.0",
    erlang: ["tsugi_change", "remove"],
  },
  prune: {
    text: "remove the oldest releases; never what runs, nor what a rollback would need",
    options: {
      "--keep <count>": {
        text: "how many stay",
        value: "positive",
        default: SETTINGS.keepReleases.default,
      },
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "Pruned",
    example: "bin/wall prune --keep 2",
    erlang: ["tsugi_change", "prune"],
  },
  follow: {
    only: "node",
    text: "go wherever a tag in a registry or a line in a file says, whenever it changes",
    arguments: {
      "<reference|file>":
        "oci://registry/app[:tag], or a file with a version, a path or such a name",
    },
    options: { ...FOLLOWING, ...EPHEMERAL },
    exits: [1],
    example: "bin/wall follow oci://registry.example/team/wall:production",
  },
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
