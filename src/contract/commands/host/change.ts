/** Commands of `bin/<app>` about releases: which are on the host, and which one runs. */
import { SETTINGS } from "../../settings.ts";
import { commands } from "../define.ts";
import { FOLLOWING, JSON_DOCUMENT, WAIT } from "./options.ts";

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

const VERSION_OR_FILE = {
  "<version|file>": {
    text: "a version in the drop box or unpacked, a tarball, or a build's folder",
    completed: "releases here",
  },
} as const;

export const CHANGE_COMMANDS = commands({
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
});
