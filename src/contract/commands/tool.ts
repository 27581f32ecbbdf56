/** `tsugi`, on the build machine. A command is a row here and a file in src/cli/commands. */
import { ERRORS } from "../errors/all.ts";
import { commands, type OptionsOf, SHELLS } from "./define.ts";

const JSON_DOCUMENT = { "--json": "one JSON document on stdout, progress on stderr" } as const;
const JSON_EVENTS = { "--json": "events, one a line" } as const;
const STORE = {
  "--store <place>":
    "a folder, ssh://host/folder or oci://registry/app (default: TSUGI_STORE, or store in tsugi.config.*)",
} as const;
const CONFIG = { "--config <file>": "another configuration file" } as const;
const HOST = {
  "--host <name>": { text: "only this one; more with commas, or again", value: "names" },
} as const;
const SKIP = { "--skip <name>": { text: "all but this one", value: "names" } } as const;
const PROJECT = { "-C, --cwd <folder>": "the project (default: .)" } as const;
const FLEET = { ...HOST, ...SKIP, ...CONFIG } as const;
const environment = (also = "") =>
  ({
    "[environment]": {
      text: `of tsugi.config.*; may be left out where there is one${also}`,
      completed: "environments",
    },
  }) as const;

export const TOOL_COMMANDS = commands({
  init: {
    text: "write a configuration with what a release would guess",
    arguments: { "[folder]": { text: "the project", default: "." } },
    options: { "--from <file>": "take over a PM2 ecosystem file", ...JSON_DOCUMENT },
    exits: [1],
    document: "Initialised",
    example: "tsugi init",
  },
  release: {
    text: "build a release: tree and tarball in .tsugi/",
    arguments: {
      "[folder]": { text: "the project; with --git, its folder in the repository", default: "." },
    },
    options: {
      "--git <url|path>": "build a clean clone of that repository instead",
      "--ref <ref>": "with --git: a branch, tag or commit",
      "--version <version>": 'a semantic version, "package" or "git"',
      "--node <version>": "the Node that the release carries",
      ...CONFIG,
      "--out <folder>": "where <app>/ goes (default: .tsugi/node_modules in the project)",
      "--sign <key>": "sign it with a private key of tsugi keys; - reads the key from stdin",
      "--no-try": "do not start what was packed before it is called built",
      "--list": "only say what would be packed, and what of it is odd; nothing is built",
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "Built | Listing",
    example: "tsugi release --version git",
  },
  plan: {
    text: "say how an upgrade between two releases would go, and why",
    arguments: {
      "<from>": {
        text: "a folder, a tarball, wall@1.2.0 in a store, or ssh://host/root: what runs there",
        completed: "stored releases",
      },
      "<to>": { text: "another one", completed: "stored releases" },
    },
    options: {
      "--require <strategy>": {
        text: "exit 4 where the upgrade needs more than that",
        choices: ["swap", "handoff", "replace"],
      },
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Plan",
    example: "tsugi plan wall@1.1.0 wall@1.2.0 --require handoff",
  },
  verify: {
    text: "hold every file of a release against its manifest",
    arguments: {
      "<release>": {
        text: "its folder or tarball, or wall@1.2.0 in a store",
        completed: "stored releases",
      },
    },
    options: {
      "--keys <file>": "and refuse it unless a key of this trusted_keys file has signed it",
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Verified",
    example: "tsugi verify wall-1.2.0.tar.gz",
  },
  sign: {
    text: "sign a release that was built, where none of its code runs",
    arguments: {
      "<release>": {
        text: "its tarball or tree, or wall@1.2.0 in a store",
        completed: "stored releases",
      },
    },
    options: {
      "--key <file>": "a private key of tsugi keys; - reads it from stdin (default: tsugi's own)",
      "--signer <program>":
        "or who has the key: gets the manifest on stdin, prints the signature in base64",
      "--public-key <file>": "with --signer: the key's public line",
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Signed",
    example: "tsugi sign wall-1.2.0.tar.gz --key ci.key",
  },
  delta: {
    text: "make what one host lacks of a release: bin/<app> unpack --delta takes it there",
    arguments: { "<release>": "its folder or tarball; older ones beside it are built on" },
    options: {
      "--inventory <file>": {
        text: "what bin/<app> inventory --json says there; - reads stdin",
        required: true,
      },
      "--base <release...>": "older releases that lie elsewhere",
      "-o, --out <file>": { text: "where the delta goes; - writes to stdout", required: true },
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "DeltaMade",
    example: "tsugi delta wall-1.2.0.tar.gz --inventory web1.json -o web1.delta",
  },
  keys: {
    text: "keys that sign releases: tsugi keys new, tsugi keys show",
    example: "tsugi keys",
  },
  "keys new": {
    text: "make a pair: the private file (0600), and the line for etc/trusted_keys",
    arguments: { "[file]": "where it goes (default: ~/.config/tsugi/release.key)" },
    options: {
      "--comment <text>": "stands in the line (default: the file's name)",
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "NewKey",
    example: "tsugi keys new ci.key",
  },
  "keys show": {
    text: "print the line of etc/trusted_keys for a key",
    arguments: { "[file]": "a private or public key, or a trusted_keys file" },
    options: JSON_DOCUMENT,
    exits: [1],
    document: "KeysShown",
    example: "tsugi keys show ci.key",
  },
  push: {
    text: "put a release into the store; content that is there already is not moved",
    arguments: {
      "[release]": { text: "its tarball, a build's folder, or the project", default: "." },
    },
    options: {
      "--sbom": "attach what it is made of (CycloneDX)",
      "--provenance": "attach where it comes from (SLSA)",
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "PushedTo",
    example: "tsugi push --store /mnt/store",
  },
  image: {
    text: "make a runnable container image of a release; no container engine is needed",
    arguments: {
      "[release...]": "its tarball, a build's folder, or the project; one for each platform",
    },
    options: {
      "--base <image>": {
        text: "what it stands on: debian:stable-slim, registry/name@sha256:…, oci:<folder>:<tag>",
        default: "debian:stable-slim",
      },
      "--push <reference>": "to a registry: oci://registry/app-image[:tag]",
      "--out <path>":
        "to an OCI layout in a folder, or a .tar for docker load (default: .tsugi/image)",
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "ImageMade",
    example: "tsugi image --push oci://registry.example/team/wall-image",
  },
  pull: {
    text: "get the tarball of a release from the store, verified",
    arguments: {
      "<release>": {
        text: "such as wall@1.2.0, wall@latest or /mnt/store#wall@1.2.0",
        completed: "stored releases",
      },
    },
    options: {
      "--out <path>": "a folder, or the tarball's path (default: wall-1.2.0.tar.gz here)",
      "--keys <file>": "trusted_keys: a release that none of them has signed is refused",
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1, 4],
    document: "Pulled",
    example: "tsugi pull wall@latest",
  },
  list: {
    text: "what the store has, the newest push first",
    arguments: { "[name]": "only this app" },
    options: { ...STORE, ...JSON_DOCUMENT },
    exits: [1],
    document: "Listed",
    example: "tsugi list wall",
  },
  prune: {
    text: "keep the newest releases of each app in the store, and what they are made of",
    arguments: { "[name]": "only this app" },
    options: {
      "--keep <count>": { text: "how many of each", value: "positive", default: 5 },
      "--dry-run": "only say which would go",
      ...STORE,
      ...JSON_DOCUMENT,
    },
    exits: [1],
    document: "StorePruned",
    example: "tsugi prune --keep 10 --dry-run",
  },
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
