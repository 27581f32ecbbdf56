/** Commands of `tsugi` that make a release, or work on one that was made. */
import { commands } from "../define.ts";
import { CONFIG, JSON_DOCUMENT, STORE } from "./options.ts";

export const RELEASE_COMMANDS = commands({
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
});
