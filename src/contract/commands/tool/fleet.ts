/** Commands of `tsugi` that reach the hosts of an environment. */
import { commands } from "../define.ts";
import { CONFIG, JSON_DOCUMENT, STORE } from "./options.ts";

const JSON_EVENTS = { "--json": "events, one a line" } as const;
const FLEET = {
  "--host <name>": { text: "only this one; more with commas, or again", value: "names" },
  "--skip <name>": { text: "all but this one", value: "names" },
  ...CONFIG,
} as const;
const environment = (also = "") =>
  ({
    "[environment]": {
      text: `of tsugi.config.*; may be left out where there is one${also}`,
      completed: "environments",
    },
  }) as const;

export const FLEET_COMMANDS = commands({
  deploy: {
    text: "bring a release to every host of an environment and go over to it",
    arguments: {
      ...environment(),
      "[release]": {
        text: "a tarball, a build's folder or name@version (default: build this project)",
        completed: "stored releases",
      },
    },
    options: {
      "--git <url|path>": "build a clean clone of that repository",
      "--ref <ref>": "a branch, tag or commit of --git, or else of this repository",
      ...FLEET,
      "--dry-run": "ask the hosts, say what would be done, and change nothing",
      "--verbose": "with --dry-run: print every command for the hosts",
      "--allow-restart": "Elixir, Erlang: also where only a restart will do; state is lost",
      "--yes": "ask nothing",
      ...JSON_EVENTS,
    },
    exits: [1, 4],
    document: "DeployLine",
    example: "tsugi deploy production",
  },
  status: {
    text: "what runs on each host: version, since when, health, pending, last pause",
    arguments: environment(),
    options: {
      "-w, --watch": "each second until Ctrl-C, with how busy each is",
      ...FLEET,
      ...JSON_DOCUMENT,
    },
    exits: [1, 3],
    document: "FleetStatus | HostGlance",
    example: "tsugi status production",
  },
  ps: {
    text: "the applications of this machine below a folder, one a row",
    arguments: { "[folder...]": "install roots, or what they lie in (default: this one)" },
    options: JSON_DOCUMENT,
    exits: [1],
    document: "Neighbours",
    example: "tsugi ps /srv",
  },
  view: {
    text: "a page of what runs where, how upgrades went, and how the next would",
    arguments: environment("; or an install root on this machine"),
    options: {
      "--out <file>": { text: "where the page goes", default: "tsugi-view.html" },
      "--live": "serve it on this machine instead, and follow what goes on",
      "--next <release>": {
        text: "and how an upgrade to that release would go",
        completed: "stored releases",
      },
      ...STORE,
      ...CONFIG,
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "Viewed",
    example: "tsugi view production --next wall@1.3.0",
  },
  rollback: {
    text: "undo the last deploy, on the hosts that it changed",
    arguments: environment(),
    options: {
      "--to <version>": "go to this one instead: it ran there before",
      "--dry-run": "say what would be done, and do nothing",
      "--yes": "ask nothing",
      ...FLEET,
      ...JSON_EVENTS,
    },
    exits: [1, 4, 5],
    document: "DeployLine",
    example: "tsugi rollback production",
  },
  logs: {
    text: "the logs of all hosts, merged",
    arguments: environment("; with --all also a folder of this machine, such as /srv"),
    options: {
      "--all": "of all applications that live beside this one there",
      "-f, --follow": "go on until Ctrl-C",
      "-n, --lines <count>": {
        text: "how many of the last lines of each host",
        value: "whole",
        default: 20,
      },
      ...FLEET,
    },
    exits: [1],
    example: "tsugi logs production -f",
  },
  exec: {
    text: "run a command on every host, in its install root: tsugi exec production -- ls log",
    arguments: {
      "<words...>":
        "[environment] [--] command arguments: all that follows the -- is the command's",
    },
    options: { ...FLEET, ...JSON_DOCUMENT },
    exits: [1],
    document: "Executed",
    example: "tsugi exec production -- df -h .",
  },
  lock: {
    text: "let nobody deploy to the hosts of an environment",
    arguments: environment(),
    options: {
      "--reason <text>": { text: "who is refused reads it", required: true },
      ...FLEET,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Locked",
    example: 'tsugi lock production --reason "inventory day"',
  },
  unlock: {
    text: "take the deploy lock away, whoever's it is",
    arguments: environment(),
    options: { ...FLEET, ...JSON_DOCUMENT },
    exits: [1],
    document: "Unlocked",
    example: "tsugi unlock production",
  },
});
