import { define, failed, refused, wrongUsage } from "./define.ts";

/** What the build machine says of hosts and stores that it reaches over ssh, and of plans. */
export const DEPLOY_ERRORS = define({
  // --- hosts, over ssh ---------------------------------------------------------------------------
  TSUGI_HOST_UNREACHABLE: failed(
    "{host} could not be reached: {problem}",
    "{next} · by hand: {try}",
  ),
  TSUGI_HOST_SILENT: failed(
    "{host} has said nothing for {seconds} s after: {command}{before}",
    "See by hand what it waits for: {try} · what runs there goes on by itself",
  ),
  TSUGI_ENVIRONMENT_UNKNOWN: wrongUsage(
    "There is no environment {name} in tsugi.config.*; there is: {known}.",
    "Name one of them, or write it: tsugi help config (environments)",
  ),
  TSUGI_SECRET_UNREADABLE: failed(
    "The secret {name} could not be read: {problem}.",
    "Nothing was changed. Where it comes from: environments.<name>.secrets in tsugi.config.* · one that is to be empty is no secret: {name}: '' in environments.<name>.env",
  ),
  TSUGI_HOST_REFUSED: refused("{host} can't take it: {problem}.", "{next}"),
  TSUGI_DEPLOY_RESTART_NEEDED: refused(
    "{version} can't be swapped in on {host}: {reasons}.",
    "State in memory would be lost. If that is fine: tsugi deploy {environment} --allow-restart",
  ),
  TSUGI_HOST_FAILED: failed(
    "{host}: {what} failed: {problem}",
    "See how it is: tsugi status {environment} · then the same command again",
  ),
  TSUGI_DEPLOY_REFUSED: refused("No host was changed: {problem}", "{next}"),
  TSUGI_NOTHING_TO_UNDO: refused(
    "No host was changed: {problem}.",
    "To a version by its name: tsugi rollback {environment} --to <version> · what runs: tsugi status {environment}",
  ),
  TSUGI_HOST_UNKNOWN: wrongUsage(
    "{environment} has no host {name}; it has: {known}.",
    "Name one of them, or write it into tsugi.config.* (environments.{environment}.hosts)",
  ),
  TSUGI_DEPLOY_LOCKED: refused(
    "{host} is locked by {by}, {age}: {reason}",
    "Wait for it · or take the lock away: tsugi unlock {environment}",
  ),
  TSUGI_DEPLOY_STOPPED: failed(
    "{done} of {count} hosts {verb} {version}; {problem}",
    "Each host has one whole version. {next} · what runs: tsugi status {environment}",
  ),
  TSUGI_INTERRUPTED: failed(
    "Interrupted. {left}",
    "The same command again goes on from there · what runs: tsugi status {environment}",
  ),
  TSUGI_DEPLOY_HOOK_FAILED: failed(
    "The hook {hook} failed: {problem}",
    "Correct it in tsugi.config.* (environments.<name>.hooks), then the same command again",
  ),

  // --- the store, and plans before a deploy ------------------------------------------------------
  TSUGI_STORE_UNKNOWN: wrongUsage(
    "No store is named.",
    'Name it once, in tsugi.config.ts: store: "ssh://host/folder" · or each time: --store <folder, ssh://host/folder or oci://registry/app>, or TSUGI_STORE',
  ),
  TSUGI_REFERENCE_INVALID: wrongUsage(
    "{text} names no release.",
    "Expected a folder, a tarball, wall@1.2.0, <store>#wall@1.2.0, oci://registry/wall:1.2.0 or ssh://[user@]host[:port]/folder",
  ),
  TSUGI_NOTHING_TO_PUSH: failed(
    "There {found} in {folder}.",
    "Build one: tsugi release · or name its tarball: tsugi {verb} <tarball>",
  ),
  TSUGI_IMAGE_BASE: failed(
    "{base} is nothing that an image can stand on: {problem}.",
    "Name another: tsugi image --base debian:stable-slim · a layout on this machine: --base oci:<folder>:<tag>",
  ),
  TSUGI_IMAGE_SOURCES: failed(
    "No image can be made of that: {problem}.",
    "Expected a release for Linux; of several tarballs, one version for different platforms: tsugi image wall-x64.tar.gz wall-arm64.tar.gz",
  ),
  TSUGI_IMAGE_TAG_TAKEN: refused(
    "{where}:{tag} is {found}, and {offered} would take its place.",
    "Give images and releases a repository each: {instead}",
  ),
  TSUGI_STORE_SCHEME: wrongUsage(
    "{store} is no store: {scheme}:// is not known.",
    "Expected a folder, ssh://[user@]host[:port]/folder or oci://registry/app",
  ),
  TSUGI_STORE_CONFLICT: refused(
    "{store} has {name} {version} as {found}; this one is {offered}. A version is one release.",
    "Give this one another version: tsugi release --version git, or package.json",
  ),
  TSUGI_PLAN_NEEDS_MORE: refused(
    "{from} → {to} needs a {strategy}, and at most a {allowed} is allowed: {why}.",
    "See the whole plan: tsugi plan, without --require",
  ),
});
