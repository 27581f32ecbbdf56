/** What is done to one host, step by step. In which order, and on which hosts, is `deploy.ts`'s. */
import { setTimeout as delay } from "node:timers/promises";
import { defined } from "../contract/checks.ts";
import { hasCode, messageOf, TsugiError } from "../contract/errors.ts";
import type { Status, UpgradeReport } from "../protocol/report.ts";
import type { Manifest } from "../release/manifest.ts";
import { timesOfUnit, unitText } from "../release/systemdUnit.ts";
import type { Host } from "./host.ts";
import { unitPath } from "./remote/factsScript.ts";
import { finish, install, restoreEnv, send, stageEnv, withEnv } from "./remote/scripts.ts";
import { askOwner, enableUnit, parseOwner, writeUnit } from "./remote/unitScripts.ts";
import type { Artefact, HostPlan } from "./rollout.ts";

/** A first health check may take its interval. */
const HEALTHY_MS = 15_000;
const POLL_MS = 250;

/** Brings what the host lacks. Nothing that runs notices. @returns the bytes that were sent */
export async function prepare(
  host: Host,
  plan: HostPlan,
  artefact: Artefact,
  signal: AbortSignal,
): Promise<number> {
  const { manifest, tarball, bytes } = artefact;
  const { version } = manifest;
  const force = plan.force ? ["--force"] : [];
  const upload = () => ({ stdin: host.upload(tarball, bytes), compressedBytes: bytes, signal });
  if (plan.action === "install") {
    const argv = install(host.layout, bytes, await artefact.sha256());
    await host.step("send", () => host.must("the first install", argv, upload()));
    return bytes;
  }
  if (plan.send) {
    const sent = await sendDelta(host, plan, artefact, force, signal);
    if (sent !== undefined) return sent;
    await artefact.verify();
    const argv = send(host.layout, version, bytes);
    await host.step("send", () => host.must("sending the release", argv, upload()));
  }
  if (plan.unpack) await host.step("unpack", () => host.app(["unpack", version, ...force]));
  return plan.send ? bytes : 0;
}

/** Sent and unpacked in one. @returns undefined where the whole tarball has to go */
async function sendDelta(
  host: Host,
  { facts }: HostPlan,
  artefact: Artefact,
  force: string[],
  signal: AbortSignal,
): Promise<number | undefined> {
  const delta = host.isDry ? undefined : await artefact.deltaFor?.(facts);
  if (delta === undefined) return undefined;
  const stdin = host.counted(delta.chunks, delta.bytes);
  const argv = ["unpack", "--delta", "-", ...force];
  try {
    const command = (words: string[]) => words;
    await host.step(
      "send",
      () => host.app(argv, command, { stdin, compressedBytes: delta.bytes, signal }),
      () => "what it lacks",
    );
    return delta.bytes;
  } catch (error) {
    signal.throwIfAborted();
    // Where there is no way, or no room for what it lacks, there is none for all of it either.
    const isHopeless = /^TSUGI_(HOST_UNREACHABLE|DISK_FULL)$/;
    if (error instanceof TsugiError && isHopeless.test(error.code)) throw error;
    host.note(`the delta was not taken, so the whole release is sent: ${messageOf(error)}`);
    return undefined;
  }
}

/** @returns whether its etc/env will be another one */
export async function stage(host: Host, text: string): Promise<boolean> {
  const argv = stageEnv(host.layout, Buffer.byteLength(text));
  const { stdout } = await host.step(
    "environment",
    () => host.must("writing etc/env", argv, { stdin: text }),
    ({ stdout }) => (stdout.trim() === "changed" ? "another one" : "the same as before"),
  );
  return stdout.trim() === "changed";
}

/** The upgrade up to where the old version would notice, with the new environment. */
export async function check(host: Host, plan: HostPlan, artefact: Artefact): Promise<void> {
  if (plan.action !== "upgrade" || !plan.isRunning) return;
  const argv = ["check", artefact.manifest.version];
  await host.step("check", () =>
    host.app(argv, (command) => withEnv(host.layout, "trial", command)),
  );
}

export interface Change {
  envChanged: boolean;
  systemd: boolean;
}

/** @returns the report of the upgrade or reload, if there was one */
export async function change(
  host: Host,
  plan: HostPlan,
  artefact: Artefact,
  { envChanged, systemd }: Change,
): Promise<UpgradeReport | undefined> {
  const { version } = artefact.manifest;
  const keep = (command: string[]) => withEnv(host.layout, "keep", command);
  if (systemd) await ensureUnit(host, artefact.manifest.kind);
  if (plan.action === "install" || plan.action === "start") {
    await start(host, systemd, keep);
    return undefined;
  }
  if (plan.action === "upgrade") {
    if (!plan.isRunning && !(await startsOld(host, plan, version, systemd))) {
      await host.step("start", () => host.app(["start", "--version", version], keep));
      return undefined;
    }
    const argv = ["upgrade", version, ...(plan.restarts ? ["--allow-restart"] : [])];
    return host.step("upgrade", () => host.app<UpgradeReport>(argv, keep), pause);
  }
  if (!envChanged && plan.facts.status?.etcChanged !== true) return undefined;
  return host.step("reload", () => host.app<UpgradeReport>(["reload"], keep), pause);
}

/**
 * To be upgraded: what an appup has to do is done then. False for one that does not start any more, which
 * is no reason to have no service, where nothing has to be done and systemd has no say.
 */
async function startsOld(
  host: Host,
  { from, hasHooks }: HostPlan,
  version: string,
  systemd: boolean,
): Promise<boolean> {
  try {
    await start(host, systemd, (command) => command);
    return true;
  } catch (error) {
    const isOurs = hasCode(error, "TSUGI_START_FAILED") && !systemd && hasHooks !== true;
    if (!isOurs) throw error;
    host.note(`${from} does not start any more, so ${version} is started in its place`);
    return false;
  }
}

const pause = (report: UpgradeReport | undefined): string =>
  report === undefined ? "" : `pause ${Math.round(report.pauseMs)} ms`;

async function start(
  host: Host,
  systemd: boolean,
  wrap: (command: string[]) => string[],
): Promise<void> {
  await host.step("start", async () => {
    if (!systemd) {
      await host.app(["start"], wrap);
      return;
    }
    // What is wrapped runs as the owner of the root, who has no say over systemd.
    await host.must("putting etc/env in place", wrap(["true"]));
    await host.must("starting the unit", enableUnit(host.layout.name));
  });
}

/** Of what the host prints, only its times are taken: the rest is root's to say, not the owner's. */
async function ensureUnit(host: Host, kind: Manifest["kind"]): Promise<void> {
  await host.step("unit", async () => {
    const printed = await host.app<{ unit: string }>(["systemd"]);
    const { stdout } = await host.must("asking for the owner", askOwner(host.layout.root), {
      readOnly: true,
    });
    const stdin = unitText(host.layout, {
      owner: parseOwner(stdout),
      ...timesOfUnit(printed?.unit ?? ""),
      ...(kind === "beam" ? { openFiles: 65_536 } : {}),
    });
    const argv = writeUnit(unitPath(host.layout.name));
    await host.must("installing the unit", argv, { stdin });
  });
}

/**
 * Waits until the release runs there and all its processes are healthy.
 * @throws TSUGI_HOST_REFUSED
 */
export async function healthy(host: Host, artefact: Artefact): Promise<Status | undefined> {
  if (host.isDry) return undefined;
  return host.step("health", async () => {
    const deadline = performance.now() + HEALTHY_MS;
    for (;;) {
      const status = await host.status();
      const problem = unhealthy(status, artefact.manifest.version);
      if (problem === undefined) return status;
      if (performance.now() > deadline) throw wrong(host, problem);
      await delay(POLL_MS);
    }
  });
}

/** The running processes themselves say which release they are of. @throws TSUGI_HOST_REFUSED */
export async function askProcesses(
  host: Host,
  artefact: Artefact,
  { processes }: Status,
): Promise<void> {
  const { version, kind } = artefact.manifest;
  // On the BEAM the status is the running node's own answer.
  if (kind !== "node") return;
  const slots = processes.flatMap(({ name, slots }) =>
    slots.map((status, slot) => ({ name, slot, said: status.version })),
  );
  const ask = async ({ name, slot, said }: (typeof slots)[number]) => {
    const found = said ?? (await askProcess(host, name, slot));
    if (found !== version)
      throw wrong(host, `${name}.${slot} says that it is ${found}, expected ${version}`);
  };
  const say = slots.length === 1 ? "its process says" : `its ${slots.length} processes say`;
  await host.step(
    "verify",
    () => Promise.all(slots.map(ask)),
    () => `${say} ${version}`,
  );
}

/** Of a tsugi whose `status` does not say it. */
async function askProcess(host: Host, name: string, slot: number): Promise<string> {
  const where = ["--process", name, "--slot", String(slot)];
  const argv = host.command("rpc", "hot.release.version", ...where);
  const { stdout } = await host.must("asking the processes", argv, { readOnly: true });
  return stdout.trim();
}

function unhealthy(status: Status | undefined, version: string): string | undefined {
  if (status === undefined) return "nothing runs there";
  if (status.version !== version) return `${status.version} runs there, expected ${version}`;
  const slots = status.processes.flatMap(({ slots }) => slots);
  const ill = slots.filter(({ healthy }) => !healthy).length;
  return ill === 0 ? undefined : `${ill} of ${slots.length} processes are unhealthy`;
}

const wrong = (host: Host, problem: string): TsugiError => {
  const { environment, name } = host;
  const next = `Look there: tsugi logs ${environment} --host ${name} · tsugi status ${environment}`;
  return new TsugiError("TSUGI_HOST_REFUSED", { host: host.name, problem, next });
};

/** Back to what it ran before this deploy. */
export async function undo(host: Host, plan: HostPlan): Promise<void> {
  if (plan.action === "install" || plan.action === "start") return;
  const argv = [plan.action === "upgrade" ? "rollback" : "reload"];
  await host.step("rollback", () => host.app(argv, (command) => restoreEnv(host.layout, command)));
}

/** The account, and nothing left over of the deploy. */
export async function account(host: Host, record: object, signal?: AbortSignal): Promise<void> {
  const options = {
    stdin: `${JSON.stringify(record)}\n`,
    ...defined({ signal }),
  };
  const argv = finish(host.layout);
  await host.step("account", () => host.must("writing the account", argv, options));
}
