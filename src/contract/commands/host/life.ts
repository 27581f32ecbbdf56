/** Commands of `bin/<app>` by which the service begins and ends, and reads `etc/` again. */
import { commands } from "../define.ts";
import { FOLLOWING, JSON_DOCUMENT, WAIT } from "./options.ts";

const KEEP_ENV = {
  "--keep-env": "with this shell's whole environment, not only what a unit would have",
} as const;

export const LIFE_COMMANDS = commands({
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
});
