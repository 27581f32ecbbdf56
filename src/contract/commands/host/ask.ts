/** Commands of `bin/<app>` that say what there is, or look inside; nothing becomes another version by them. */
import { commands } from "../define.ts";
import { JSON_DOCUMENT } from "./options.ts";

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

export const ASK_COMMANDS = commands({
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
});
