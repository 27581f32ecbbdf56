/**
 * `tsugi`, on the build machine. A command is a row here or in a table of tool/, and a file in
 * src/cli/commands. The order is that of the help.
 */
import { ERRORS } from "../errors/all.ts";
import { commands, type OptionsOf, SHELLS } from "./define.ts";
import { FLEET_COMMANDS } from "./tool/fleet.ts";
import { JSON_DOCUMENT } from "./tool/options.ts";
import { RELEASE_COMMANDS } from "./tool/release.ts";
import { STORE_COMMANDS } from "./tool/store.ts";

const PROJECT = { "-C, --cwd <folder>": "the project (default: .)" } as const;
export const TOOL_COMMANDS = commands({
  ...RELEASE_COMMANDS,
  ...STORE_COMMANDS,
  run: {
    text: "run a project from source, without a release; its commands: .tsugi/bin/<app>",
    arguments: { "[entry]": "default: what a release would start" },
    options: {
      "-d, --detach": "as a daemon; returns when it is ready",
      ...PROJECT,
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "Started",
    example: "tsugi run --detach",
  },
  stop: {
    text: "stop what tsugi run has started; requests under way are finished",
    options: { ...PROJECT, ...JSON_DOCUMENT },
    exits: [1, 3],
    document: "Stopped",
    example: "tsugi stop",
  },
  ...FLEET_COMMANDS,
  explain: {
    text: "what an error says, its exit code, and the next step",
    arguments: {
      "<code>": {
        text: "as it was printed; TSUGI_ may be left out",
        completed: Object.keys(ERRORS),
      },
    },
    options: JSON_DOCUMENT,
    document: "Explained",
    example: "tsugi explain TSUGI_RELEASE_IN_USE",
  },
  completion: {
    text: "print what makes a shell complete tsugi: environments and releases, too",
    arguments: {
      "<shell>": {
        text: `${SHELLS.join(", ")}; environments: their names, which the others ask for`,
        completed: SHELLS,
      },
    },
    example: "tsugi completion bash",
  },
  help: {
    text: "help on a command, or on the configuration: tsugi help config",
    arguments: { "[topic]": {} },
    options: JSON_DOCUMENT,
    document: "ConfigKey[] | HelpText",
    example: "tsugi help config",
  },
});

export type ToolVerb = keyof typeof TOOL_COMMANDS;

/** What `tsugi <verb>` is called with. */
export type ToolOptions<V extends ToolVerb> = OptionsOf<(typeof TOOL_COMMANDS)[V]>;
