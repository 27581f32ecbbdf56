import { define } from "./define.ts";

/** What the build machine says of hosts and stores that it reaches over ssh, and of plans. */
export const DEPLOY_ERRORS = define({
  // --- hosts, over ssh ---------------------------------------------------------------------------
  TSUGI_HOST_UNREACHABLE: {
    exitCode: 1,
    message: "{host} could not be reached: {problem}",
    hint: "Go there by hand once, and answer what it asks (a new host key, for one): {try}",
  },
  TSUGI_HOST_SILENT: {
    exitCode: 1,
    message: "{host} has said nothing for {seconds} s after: {command}{before}",
    hint: "See by hand what it waits for: {try} · what runs there goes on by itself",
  },
  TSUGI_ENVIRONMENT_UNKNOWN: {
    exitCode: 2,
    message: "There is no environment {name} in tsugi.config.*; there is: {known}.",
    hint: "Name one of them, or write it: tsugi help config (environments)",
  },
  TSUGI_SECRET_UNREADABLE: {
    exitCode: 1,
    message: "The secret {name} could not be read: {problem}.",
    hint: "Nothing was changed. Where it comes from: environments.<name>.secrets in tsugi.config.*",
  },
  TSUGI_HOST_REFUSED: {
    exitCode: 4,
    message: "{host} can't take it: {problem}.",
    hint: "{next}",
  },
  TSUGI_DEPLOY_RESTART_NEEDED: {
    exitCode: 4,
    message: "{version} can't be swapped in on {host}: {reasons}.",
    hint: "State in memory would be lost. If that is fine: tsugi deploy {environment} --allow-restart",
  },
  TSUGI_HOST_FAILED: {
    exitCode: 1,
    message: "{host}: {what} failed: {problem}",
    hint: "See how it is: tsugi status {environment} · then the same command again",
  },
  TSUGI_DEPLOY_REFUSED: {
    exitCode: 4,
    message: "No host was changed: {problem}",
    hint: "{next}",
  },
  TSUGI_NOTHING_TO_UNDO: {
    exitCode: 4,
    message: "No host was changed: {problem}.",
    hint: "To a version by its name: tsugi rollback {environment} --to <version> · what runs: tsugi status {environment}",
  },
  TSUGI_HOST_UNKNOWN: {
    exitCode: 2,
    message: "{environment} has no host {name}; it has: {known}.",
    hint: "Name one of them, or write it into tsugi.config.* (environments.{environment}.hosts)",
  },
  TSUGI_DEPLOY_LOCKED: {
    exitCode: 4,
    message: "{host} is locked by {by}, {age}: {reason}",
    hint: "Wait for it · or take the lock away: tsugi unlock {environment}",
  },
  TSUGI_DEPLOY_STOPPED: {
    exitCode: 1,
    message: "{done} of {count} hosts {verb} {version}; {problem}",
    hint: "Each host has one whole version. {next} · what runs: tsugi status {environment}",
  },
  TSUGI_INTERRUPTED: {
    exitCode: 1,
    message: "Interrupted. {left}",
    hint: "The same command again goes on from there · what runs: tsugi status {environment}",
  },
  TSUGI_DEPLOY_HOOK_FAILED: {
    exitCode: 1,
    message: "The hook {hook} failed: {problem}",
    hint: "Correct it in tsugi.config.* (environments.<name>.hooks), then the same command again",
  },

  // --- the store, and plans before a deploy ------------------------------------------------------
  TSUGI_STORE_UNKNOWN: {
    exitCode: 2,
    message: "No store is named.",
    hint: 'Name it once, in tsugi.config.ts: store: "ssh://host/folder" · or each time: --store <folder, ssh://host/folder or oci://registry/app>, or TSUGI_STORE',
  },
  TSUGI_REFERENCE_INVALID: {
    exitCode: 2,
    message: "{text} names no release.",
    hint: "Expected a folder, a tarball, wall@1.2.0, <store>#wall@1.2.0, oci://registry/wall:1.2.0 or ssh://[user@]host[:port]/folder",
  },
  TSUGI_NOTHING_TO_PUSH: {
    exitCode: 1,
    message: "There is no release in {folder}.",
    hint: "Build one: tsugi release · or name its tarball: tsugi push <tarball>",
  },
  TSUGI_IMAGE_BASE: {
    exitCode: 1,
    message: "{base} is nothing that an image can stand on: {problem}.",
    hint: "Name another: tsugi image --base debian:stable-slim · a layout on this machine: --base oci:<folder>:<tag>",
  },
  TSUGI_IMAGE_SOURCES: {
    exitCode: 1,
    message: "No image can be made of that: {problem}.",
    hint: "Expected a release for Linux; of several tarballs, one version for different platforms: tsugi image wall-x64.tar.gz wall-arm64.tar.gz",
  },
  TSUGI_IMAGE_TAG_TAKEN: {
    exitCode: 4,
    message: "{where}:{tag} is a release for hosts, which an image would take the place of.",
    hint: "Give images a repository of their own: tsugi image --push {where}-image:{tag}",
  },
  TSUGI_STORE_SCHEME: {
    exitCode: 2,
    message: "{store} is no store: {scheme}:// is not known.",
    hint: "Expected a folder, ssh://[user@]host[:port]/folder or oci://registry/app",
  },
  TSUGI_STORE_CONFLICT: {
    exitCode: 4,
    message:
      "{store} has {name} {version} as {found}; this one is {offered}. A version is one release.",
    hint: "Give this one another version: tsugi release --version git, or package.json",
  },
  TSUGI_PLAN_NEEDS_MORE: {
    exitCode: 4,
    message: "{from} → {to} needs a {strategy}, and at most a {allowed} is allowed: {why}.",
    hint: "See the whole plan: tsugi plan, without --require",
  },
});
