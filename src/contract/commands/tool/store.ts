/** Commands of `tsugi` that put releases somewhere, and get them from there. */
import { commands } from "../define.ts";
import { JSON_DOCUMENT, STORE } from "./options.ts";

export const STORE_COMMANDS = commands({
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
});
