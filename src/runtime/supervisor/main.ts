/**
 * The supervisor process: its start, its stop, its exit code. Started by `bin/<app> start` (or
 * `foreground`) with TSUGI_SUPERVISOR in the environment; tells its parent once, over IPC, whether
 * every worker became ready.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { orUndefined } from "../../contract/checks.ts";
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { isoNow } from "../../platform/clock.ts";
import { fault, instant } from "../../platform/faults.ts";
import { lockOwner, prepareToSeize, takeLock } from "../../platform/lock.ts";
import { passedDescriptors } from "../../platform/socketActivation.ts";
import { Mask } from "../../protocol/mask.ts";
import type { RuntimeSettings } from "../../protocol/settings.ts";
import type { Succession } from "../../protocol/succession.ts";
import { type Layout, layoutOf } from "../../release/layout.ts";
import { type Manifest, parseManifest } from "../../release/manifest.ts";
import { ControlServer } from "./controlServer.ts";
import { hostEnvironment } from "./hostEnvironment.ts";
import { forgetEnd, recordEnd } from "./lastEnd.ts";
import { ListenerTable } from "./listeners.ts";
import { FileTarget } from "./log/file.ts";
import { Log } from "./log/log.ts";
import { OutputTarget } from "./log/output.ts";
import type { MetricsEndpoint } from "./metrics/endpoint.ts";
import { Notifier } from "./notify/notifier.ts";
import { servePredecessor } from "./predecessor.ts";
import { Renewals } from "./renewals.ts";
import {
  insist,
  prepareControlLink,
  preparePid,
  reclaimRunFiles,
  removeRunFiles,
  sweepRunFiles,
} from "./runFiles.ts";
import { SilentWorkers } from "./silentWorkers.ts";
import { stopWorkers } from "./stopWorkers.ts";
import { Supervisor } from "./supervisor.ts";
import { notifySystemd, pingWatchdog } from "./systemd.ts";
import { Upgrades } from "./upgrades.ts";
import { runVerb, type Stopped } from "./verbs.ts";

/** When nothing runs any more, who is to be told is waited for this long. */
const LAST_NOTICE_MS = 5_000;

declare const __TSUGI_VERSION__: string;

interface SupervisorBoot {
  format: 1;
  root: string;
  name: string;
  version: string;
  releaseId: string;
  mode: "daemon" | "foreground";
  /** Set where this supervisor takes over from another one. */
  succession?: Succession;
}

const boot = JSON.parse(process.env.TSUGI_SUPERVISOR ?? "{}") as SupervisorBoot;
delete process.env.TSUGI_SUPERVISOR;
process.title = `tsugi: ${boot.name}`;

const layout = layoutOf(boot.root, boot.name);
const mask = new Mask(layout.root);
const notifier = new Notifier({
  layout,
  mask,
  env: hostEnvironment(),
  note: (text) => supervisor.note(text),
  serving: () => {
    if (!supervisor.hasStarted) return undefined;
    const { version, settings } = supervisor.current;
    return { version, notify: settings.notify };
  },
});
const supervisor = await makeSupervisor(layout);
const upgrades = new Upgrades(supervisor);
const renewals = new Renewals(supervisor, upgrades);
const silentWorkers = new SilentWorkers(supervisor);
let stopped: Promise<Stopped> | undefined;
let endpoint: Promise<MetricsEndpoint> | undefined;
const stop = (exitCode = 0) => {
  stopped ??= stopAll(exitCode);
  return stopped;
};
const server = new ControlServer(
  (request, client) => runVerb({ supervisor, upgrades, stop }, request, client),
  (event) => supervisor.parts.mask.document(event),
);

// A closed terminal is no reason to stop; whoever has rotated the log says so by the same signal.
process.on("SIGHUP", () => {
  supervisor.parts.log.reopen();
  restoreRun().catch((error) => supervisor.noteError(error));
});
// What people type out of habit (a postrotate line, a wish to debug) ends nobody's service.
// (SIGPIPE is not among them: Node ignores it, and each write to a reader that has gone raises one.)
for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
  process.on(signal, () => supervisor.note(`${signal} means nothing here; HUP reopens the log`));
}
// QUIT is what Ctrl-\ sends, and images of other servers name as their stop signal.
for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  process.on(signal, () => void stop());
}
process.on("disconnect", () => {});
process.on("uncaughtException", (error) => {
  // Once it serves, the service must not end with a fault of ours: it is said, and gone on.
  const isUp = supervisor.state !== "booting" && supervisor.state !== "succeeding";
  if (isUp) supervisor.noteError(error);
  else void fail(error);
});

await (boot.succession ? succeedAnother(boot.succession) : start());

async function makeSupervisor(at: Layout): Promise<Supervisor> {
  mkdirSync(at.data, { recursive: true, mode: 0o755 });
  mkdirSync(at.log, { recursive: true, mode: 0o750 });
  mkdirSync(at.run, { recursive: true, mode: 0o700 });
  chmodSync(at.run, 0o700);
  // Socket paths of over 100 bytes are cut silently: everything in run/ is named relative to it.
  process.chdir(at.run);
  const { settings, env } = await readHostSettings(at, boot.version);
  mask.learn(env);
  const { logs } = settings;
  const target = boot.mode === "foreground" ? new OutputTarget() : new FileTarget(at.appLog, logs);
  let handler: Promise<ReleaseHandler> | undefined;
  return new Supervisor({
    layout: at,
    log: new Log(target, logs, `tsugi-${__TSUGI_VERSION__}`, (error) =>
      supervisor.tellIfFull(error),
    ),
    listeners: new ListenerTable(passedSockets()),
    baseEnv: hostEnvironment(),
    mask,
    notifier,
    tsugiVersion: __TSUGI_VERSION__,
    loadHandler: () => {
      handler ??= import("../../handler/index.ts").then((m) => m.createReleaseHandler(at));
      return handler;
    },
    foreground: boot.mode === "foreground",
    reclaimRun,
    onServe: ({ settings }) => {
      renewals.use(settings);
      silentWorkers.use(settings);
      useMetrics(settings.metrics);
    },
    onHandedOver: () => void endpoint?.then((opened) => opened.close()),
    onReplaced: () => void leaveToSuccessor(),
    onGiveUp: (error, lastWords) => {
      supervisor.noteError(error);
      recordEnd(at, supervisor.current.version, error, lastWords);
      notifier.tell("gave-up", { text: error.message, code: error.code, lastWords });
      void notifier.settle(LAST_NOTICE_MS).then(() => stop(1));
    },
  });
}

/** Loaded where they are wanted, and kept: what is wanted may change. */
function useMetrics(wanted: RuntimeSettings["metrics"]): void {
  if (endpoint === undefined && Object.keys(wanted).length === 0) return;
  endpoint ??= Promise.all([import("./metrics/endpoint.ts"), import("./metrics/text.ts")]).then(
    ([{ MetricsEndpoint }, { currentMetrics }]) =>
      new MetricsEndpoint(
        () => currentMetrics(supervisor, upgrades),
        (text) => supervisor.note(text),
      ),
  );
  void endpoint.then((opened) => opened.use(wanted));
}

/** A successor is handed the sockets themselves, under the numbers that they had. */
function passedSockets(): number[] {
  return boot.succession ? [] : passedDescriptors(process.env, process.pid);
}

async function start(): Promise<void> {
  const lock = await takeLock(layout.lock);
  if (!lock.taken) {
    const { name, version } = boot;
    const details = { name, version, pid: lock.owner.pid, bin: layout.bin };
    return fail(new TsugiError("TSUGI_ALREADY_RUNNING", details));
  }
  try {
    const manifest = await readOwnManifest();
    await sweepRunFiles(layout);
    forgetEnd(layout);
    await server.listen();
    await (await preparePid(layout))();
    await (await prepareControlLink(layout))();
    await supervisor.boot(manifest, boot.releaseId);
  } catch (error) {
    // One that was told to stop meanwhile has not failed: its end says so.
    if (stopped !== undefined) return;
    const known = supervisor.parts.mask.document(errorToJson(error));
    recordEnd(layout, boot.version, known, supervisor.wordsOfTheDead);
    return fail(error);
  }
  // Told to stop in the very moment in which all were ready.
  if (stopped !== undefined) return;
  supervisor.enter("serving");
  supervisor.note(`${boot.name} ${boot.version} is ready`);
  await notifySystemd("READY=1", ...mainPid());
  pingWatchdog(supervisor);
  tellParent({ type: "ready", pid: process.pid });
}

/** Loads what the predecessor asks for and serves it, until it says that it is our turn. */
async function succeedAnother(succession: Succession): Promise<void> {
  /** Everything that needs room or can be refused, while a failure still costs nothing. */
  const prepare = async () => {
    await fault("takeOver:prepare");
    await server.listen();
    return {
      lock: await prepareToSeize(layout.lock),
      pid: await preparePid(layout),
      link: await prepareControlLink(layout),
    };
  };
  let prepared: Awaited<ReturnType<typeof prepare>>;
  const takeOver = async () => {
    await persist("takeOver:lock", prepared.lock);
    await persist("takeOver:pid", prepared.pid);
    await supervisor.workers.record.keep();
    await persist("takeOver:link", prepared.link);
    supervisor.serve(supervisor.current);
    supervisor.enter("serving");
    supervisor.retiring = { version: succession.previous, since: isoNow() };
    // A worker may have died between its probation and this.
    supervisor.slots.ensure();
    supervisor.parts.listeners.retain(supervisor.current.number);
    supervisor.note(`${boot.name} ${boot.version} has taken over`);
    await notifySystemd("READY=1", ...mainPid());
    pingWatchdog(supervisor);
  };
  const makeGeneration = async () => {
    prepared = await prepare();
    const manifest = await readOwnManifest();
    const { releaseId } = boot;
    return supervisor.makeGeneration({ manifest, releaseId, strategy: "replace", succession });
  };
  const predecessor = process.ppid;
  supervisor.enter("succeeding");
  await supervisor.workers.record.leave();
  servePredecessor(supervisor, makeGeneration, takeOver, (tookOver) => {
    if (!tookOver) process.exit(1);
    supervisor.retiring = undefined;
    // It has swept up behind itself, unless it was killed.
    sweepRunFiles(layout, predecessor).catch((error) => supervisor.noteError(error));
  });
}

/** The release is committed and its workers serve: there is no way but on. */
const persist = (label: string, place: () => Promise<void>): Promise<void> =>
  insist(
    async () => {
      await fault(label);
      await place();
    },
    (error) => supervisor.noteError(error),
  );

async function reclaimRun(): Promise<void> {
  await reclaimRunFiles(layout, (error) => supervisor.noteError(error));
  await notifySystemd(...mainPid());
}

/** Whom somebody has taken `run/` from, as a cleaner of old files does, would run unseen, and a second one beside it. */
async function restoreRun(): Promise<void> {
  const { state, workers } = supervisor;
  const isOurs = (state === "serving" || state === "upgrading") && stopped === undefined;
  if (!isOurs || (await lockOwner(layout.lock)) !== undefined) return;
  supervisor.note(`${layout.run} was cleared away: it is made anew`);
  server.leave();
  mkdirSync(layout.run, { recursive: true, mode: 0o700 });
  process.chdir(layout.run);
  await reclaimRun();
  await workers.record.write();
  await server.listen();
}

/** The successor has `run/` now: only our own socket goes, when the last answer is out. */
async function leaveToSuccessor(): Promise<void> {
  await instant("takeOver:leave");
  supervisor.enter("stopping");
  await supervisor.parts.log.close();
  await server.close();
  removeRunFiles(layout);
  process.exit(0);
}

async function readOwnManifest(): Promise<Manifest> {
  const path = layout.release(boot.version).manifest;
  return parseManifest(await readFile(path, "utf8"), path);
}

async function fail(error: unknown): Promise<void> {
  supervisor.noteError(error);
  tellParent({ type: "failed", error: supervisor.parts.mask.document(errorToJson(error)) });
  await stop(1);
}

/** Under `foreground` the launcher is and stays the main process, whoever supervises. */
function mainPid(): string[] {
  return boot.mode === "foreground" ? [] : [`MAINPID=${process.pid}`];
}

function tellParent(message: unknown): void {
  if (!process.connected) return;
  process.send?.(message, undefined, undefined, () => {
    if (process.connected) process.disconnect();
  });
}

/** Ends the workers, then everything of ours in `run/`, then this process. */
async function stopAll(exitCode: number): Promise<Stopped> {
  const { states, ...ended } = await stopWorkers(supervisor, upgrades);
  notifier.end();
  await endpoint?.then((opened) => opened.close());
  supervisor.note("stopped");
  await supervisor.parts.log.close();
  await supervisor.workers.record.leave();
  removeRunFiles(layout);
  // Under `foreground`, a supervisor that has replaced another one is not the launcher's child.
  if (boot.mode === "foreground" && boot.succession)
    orUndefined(() => writeFileSync(layout.exitCode, String(exitCode)));
  // The answer to whoever asked for the stop goes out first; then nothing keeps us.
  setImmediate(() => void server.close().then(() => process.exit(exitCode)));
  return { states, logDropped: supervisor.parts.log.dropped, ...ended };
}
