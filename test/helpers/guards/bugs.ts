/**
 * For each promise of the README, and for each kind of fault that others have found in using tsugi, some bugs
 * that would bring it back, and the guard that has to notice: a test, as narrow as it can be. Each is a change of a
 * few words in a named place of the sources.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault } from "../crash/cell.ts";

export interface PlantedBug {
  /** The number of a promise of the README, or a kind of fault. */
  promise: keyof typeof PROMISES;
  bug: string;
  file: string;
  find: string;
  replace: string;
  guard: Guard;
}

/** A test by how its name begins, or one cell of the crash sweep. */
export type Guard =
  | { file: string; test: string; needsRoot?: true }
  | { scenario: string; label: string; fault: Fault };

export const PROMISES = {
  1: "old keeps running until new is proven",
  2: "nothing acknowledged is lost",
  3: "a crash leaves one whole version",
  4: "no release holds a secret",
  5: "success is measured, never assumed",
  6: "the same input builds the same bytes",
  7: "plain Node still works",
  W: "other people's projects and clients",
  O: "situations at night",
  D: "deploys and rollbacks",
  S: "security",
  C: "the plan that is shown runs",
} as const;

const UPGRADE = "test/integration/upgrade.test.ts";

export const BUGS: readonly PlantedBug[] = [
  {
    promise: 1,
    bug: "a probation that runs out counts as passed",
    file: "src/runtime/supervisor/probation.ts",
    find: `throw new TsugiError("TSUGI_UNHEALTHY", details);`,
    replace: "void details;",
    guard: { file: UPGRADE, test: "when it is unhealthy in probation: handed back" },
  },
  {
    promise: 1,
    bug: "the old version is not thawed after a failure",
    file: "src/runtime/supervisor/stateSteps.ts",
    find: `worker.request({ type: "thaw" }, { timeoutMs: 10_000 }).catch(() => null),`,
    replace: "Promise.resolve(worker),",
    guard: { scenario: "handoff", label: "upgrade:carry", fault: "eio" },
  },
  {
    promise: 1,
    bug: "the migration is not rehearsed",
    file: "src/runtime/supervisor/stateSteps.ts",
    find: `job.rehearse === "skip" ? "as asked"`,
    replace: `job.rehearse !== "full" ? "as asked"`,
    guard: { file: UPGRADE, test: "carries and migrates the state, and reports what it measured" },
  },
  {
    promise: 2,
    bug: "the new version begins with an empty state",
    file: "src/runtime/supervisor/stateSteps.ts",
    find: "hasState(slot) && next.slotLike(slot)",
    replace: "hasState(slot) && !next.slotLike(slot)",
    guard: {
      file: "test/integration/soak.test.ts",
      test: "a mix of upgrades and kills, seed 11, loses only what the kills took",
    },
  },
  {
    promise: 2,
    bug: "a freeze does not wait for requests under way",
    file: "src/runtime/handoff/freeze.ts",
    find: "Promise.all([traffic.whenFree(inTraffic), hooks.done])",
    replace: "Promise.all([hooks.done])",
    guard: {
      file: "test/contract/workerConnections.test.ts",
      test: "a freeze that runs out names what held it, and thaws",
    },
  },
  {
    promise: 2,
    bug: "bytes that were read and not used stay behind",
    file: "src/runtime/node/pending.ts",
    find: "if (head.byteLength > 0) socket.push(head);",
    replace: "",
    guard: {
      file: "test/contract/sockets.test.ts",
      test: "keeps bytes that were read and not used, and half a character",
    },
  },
  {
    promise: 2,
    bug: "the new version begins before the last connection is with it",
    file: "src/runtime/handoff/expected.ts",
    find: "for (const meta of value.connections) this.#expect(meta, way);",
    replace: "for (const meta of value.connections) setTimeout(() => this.#expect(meta, way), 50);",
    guard: {
      file: "test/contract/moment.test.ts",
      test: "goes to another process and back:",
    },
  },
  {
    promise: 2,
    bug: "what a late request sends as a Blob counts only if the request is still at work when it was read",
    file: "src/runtime/carry/ws/lateFrames.ts",
    find: "return this.#underWay > 0 || this.#follow.counts();",
    replace: "return this.#follow.counts();",
    guard: {
      file: "test/contract/moment.test.ts",
      test: "hears a request that ends after they have gone:",
    },
  },
  {
    promise: 2,
    bug: "handed back, a client hears first what the old version has still to compress last",
    file: "src/runtime/carry/carrier.ts",
    find: "whenSaid([before]).then(",
    replace: "Promise.resolve().then(",
    guard: {
      file: "test/contract/moment.test.ts",
      test: "comes back at once, whatever either side has still to compress",
    },
  },
  {
    promise: 2,
    bug: "the new version holds a connection open that the old one has ended",
    file: "src/runtime/handoff/introduced.ts",
    find: "known?.handle?.close();",
    replace: "",
    guard: {
      file: "test/contract/introductions.test.ts",
      test: "what the old version ends meanwhile has ended for its client",
    },
  },
  {
    promise: 3,
    bug: "a durable write goes straight into the file",
    file: "src/platform/files.ts",
    find: "const temporary = `",
    replace: "const temporary = path;\n  void `",
    guard: {
      file: "test/unit/platform/files.test.ts",
      test: "a write that is torn leaves the old file whole",
    },
  },
  {
    promise: 3,
    bug: "a version is permanent before it is proven",
    file: "src/runtime/supervisor/upgrade.ts",
    find: `if (op === "commit") await this.#watch`,
    replace: `if (op === "retire") await this.#watch`,
    guard: { file: UPGRADE, test: "install makes a release current, commit makes it permanent" },
  },
  {
    promise: 4,
    bug: "what is packed is not searched",
    file: "src/pack/secrets/scan.ts",
    find: "export function scanFile(file: FileToScan, known: readonly Needle[]): Finding[] {",
    replace:
      "export function scanFile(file: FileToScan, known: readonly Needle[]): Finding[] {\n  if (file && known) return [];",
    guard: {
      file: "test/integration/releaseSecrets.test.ts",
      test: "in a source: its own file and line, and nothing of its value",
    },
  },
  {
    promise: 4,
    bug: "a report of Node's, with the environment, lies open",
    file: "src/runtime/worker/main.ts",
    find: "if (boot !== undefined) keepReportsPrivate(boot);",
    replace: "void keepReportsPrivate;",
    guard: {
      file: "test/integration/hostileUser.test.ts",
      test: "can neither speak to the supervisor nor read a secret",
      needsRoot: true,
    },
  },
  {
    promise: 5,
    bug: "a failure exits with 0",
    file: "src/control/main.ts",
    find: 'process.exitCode = await showError(error, args, name ?? "");',
    replace: 'await showError(error, args, name ?? "");',
    guard: {
      file: UPGRADE,
      test: "when the new version throws while it loads",
    },
  },
  {
    promise: 5,
    bug: "what still runs of the old version is not looked for",
    file: "src/runtime/worker/generation.ts",
    find: "unload: async () => ({ running: await this.#process.unload(this) }),",
    replace: "unload: async () => ({ running: (await this.#process.unload(this)).slice(0, 0) }),",
    guard: {
      file: "test/integration/swap.test.ts",
      test: "what the old code leaves running is in the report and in status; three times is a handoff",
    },
  },
  {
    promise: 6,
    bug: "the tarball holds the time of its build",
    file: "src/pack/tarBytes.ts",
    find: "mtime: new Date(0),",
    replace: "mtime: new Date(),",
    guard: {
      file: "test/integration/release.test.ts",
      test: "the same bytes from two folders, umasks, time zones and languages",
    },
  },
  {
    promise: 7,
    bug: "hot.prepare is forgotten under plain node",
    file: "src/hot/inert.ts",
    find: "for (const hook of prepare.splice(0)) await hook();",
    replace: "prepare.splice(0);",
    guard: {
      file: "test/unit/hot/inert.test.ts",
      test: "under plain node state is initial(), and prepare runs before activate",
    },
  },
  {
    promise: "W",
    bug: "a streamed answer to a POST is taken for an event stream, and ended",
    file: "src/runtime/handoff/eventSources.ts",
    find: 'method === "GET" && /',
    replace: 'method !== "HEAD" && /',
    guard: { file: "test/contract/streams.test.ts", test: "Hono" },
  },
  {
    promise: "W",
    bug: "a build that is only in prestart is not run: old code is packed",
    file: "src/assemble/projectBuild.ts",
    find: '"prestart:prod", "prestart"];',
    replace: '"prestart:prod"];',
    guard: {
      file: "test/integration/releaseShapes.test.ts",
      test: "a build that only the start script has is run each time",
    },
  },
  {
    promise: "W",
    bug: "bytes of a registry are taken as they come",
    file: "src/oci/client.ts",
    find: "!== digest) throw this.#lies(digest);",
    replace: '=== "") throw this.#lies(digest);',
    guard: {
      file: "test/contract/registry.test.ts",
      test: "by lying about a digest is found out, and nothing is left",
    },
  },
  {
    promise: "O",
    bug: "a log line that is lost is not counted",
    file: "src/runtime/supervisor/log/queue.ts",
    find: "this.#lost += count;",
    replace: "",
    guard: {
      file: "test/integration/logs.test.ts",
      test: "a supervisor that does not read keeps no application waiting; what is lost is counted",
    },
  },
  {
    promise: "O",
    bug: "what a worker has started outlives it",
    file: "src/runtime/supervisor/family.ts",
    find: 'signal(termed, "SIGTERM");',
    replace: "return { ended: [], killed: [], running: [] };",
    guard: {
      file: "test/integration/families.test.ts",
      test: "a stop ends it too, and says so",
    },
  },
  {
    promise: "D",
    bug: "what a login prints is part of the answer",
    file: "src/transport/answer.ts",
    find: "this.#noise = noise.subarray(-NOISE_BYTES);",
    replace: "this.#noise = noise.subarray(-NOISE_BYTES);\n    this.push(noise);",
    guard: { file: "test/contract/logins.test.ts", test: "a login that is " },
  },
  {
    promise: "S",
    bug: "root runs what belongs to the application's user",
    file: "src/control/stepDown.sh",
    find: 'if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then',
    replace: "if false; then",
    guard: {
      file: "test/integration/stepsDown.test.ts",
      test: "what they have put there runs as they, whatever the environment says",
      needsRoot: true,
    },
  },
  {
    promise: "C",
    bug: "a step that was planned is left out",
    file: "src/runtime/supervisor/upgrade.ts",
    find: "for (const step of relupSteps(this.#job.plan.instructions)) {",
    replace:
      'for (const step of relupSteps(this.#job.plan.instructions)) {\n        if (step.op === "prune") continue;',
    guard: { file: "test/integration/relup.test.ts", test: "a swap" },
  },
];

/** The source with the bug in it. @throws when the place is not there any more, or not the only one */
export function planted({ file, find, replace }: PlantedBug, root: string): string {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.split(find).length - 1;
  if (found !== 1) {
    throw new Error(
      `${file}: found ${found} times: ${find}\nThe code has moved on: move the bug too.`,
    );
  }
  return text.replace(find, () => replace);
}
