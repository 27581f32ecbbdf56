/** Who deploys to a host right now, or has said that nobody may. */
import { hostname, userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { hasCode, TsugiError } from "../contract/errors.ts";
import type { Layout } from "../release/layout.ts";
import type { RunResult, Transport } from "../transport/index.ts";
import { fullDiskError } from "./fullDisk.ts";
import { removeLock, takeLock } from "./remote/lockScripts.ts";

export interface Lock {
  /** `you@laptop` */
  by: string;
  reason: string;
  /** ISO time. */
  at: string;
  /** Held by a deploy that is under way, not by hand. */
  isDeploy: boolean;
}

const PATIENCE_MS = 2_000;
const TAKE_MS = 60_000;
const LET_GO_MS = 2_000;

export const whoAmI = (): string => `${userName()}@${hostname()}`;

/** A container's user may be in no passwd file. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? `uid ${process.getuid?.()}`;
  }
}

/** @returns undefined for what is no lock of ours */
export function parseLock(text: string): Lock | undefined {
  const [who = "", pid = ""] = text.split("\n");
  try {
    const { by, reason, at } = JSON.parse(who) as Record<string, string>;
    return { by: by ?? "?", reason: reason ?? "", at: at ?? "", isDeploy: /^\d+$/.test(pid) };
  } catch {
    return undefined;
  }
}

type Asked = Pick<Transport, "name" | "isDry" | "run">;

/** @throws TSUGI_DEPLOY_LOCKED */
export async function lockByHand(
  host: Asked,
  layout: Layout,
  reason: string,
  environment: string,
): Promise<void> {
  const result = await host.run(takeLock(layout, describe(reason), "leave"));
  if (result.exitCode !== 0) throw notTaken(host, layout, result, environment);
}

export interface Unlocked {
  /** False where there was no lock. */
  removed: boolean;
  /** Whose it was; undefined also where what it said can't be read. */
  lock: Lock | undefined;
}

/** @throws TSUGI_HOST_FAILED */
export async function unlock(host: Asked, layout: Layout, environment: string): Promise<Unlocked> {
  const { exitCode, stdout, stderr } = await host.run(removeLock(layout));
  const [did, ...lines] = stdout.split("\n");
  if (exitCode === 0 && (did === "none" || did === "removed")) {
    return { removed: did === "removed", lock: parseLock(lines.join("\n")) };
  }
  const problem = stderr.trim() || `exit ${exitCode}`;
  const details = { host: host.name, what: "taking the lock away", problem, environment };
  throw new TsugiError("TSUGI_HOST_FAILED", details);
}

/** A lock that is held as long as the connection to the host lives. */
export class HeldLock {
  /** Which release a boot takes (facts.ts), as of when it was taken. */
  readonly boot: string;
  readonly #running: Promise<RunResult>;
  readonly #letGo: () => void;

  private constructor(running: Promise<RunResult>, letGo: () => void, boot: string) {
    this.#running = running;
    this.#letGo = letGo;
    this.boot = boot;
  }

  /** @throws TSUGI_DEPLOY_LOCKED, TSUGI_HOST_UNREACHABLE */
  static async take(
    host: Asked,
    layout: Layout,
    reason: string,
    environment: string,
  ): Promise<HeldLock> {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const until = async function* () {
      await held;
      yield new Uint8Array();
    };
    let said = "";
    let taken = () => {};
    const isTaken = new Promise<void>((resolve) => {
      taken = resolve;
    });
    const isWhole = () => said.startsWith("taken\n") && said.endsWith("\n.\n");
    const running = host.run(takeLock(layout, describe(reason), "hold"), {
      stdin: until(),
      onStdout: (text) => {
        said += text;
        if (isWhole()) taken();
      },
      // Once it is held there is nothing more to say.
      quietMs: () => (isWhole() ? Number.POSITIVE_INFINITY : TAKE_MS),
    });
    // Whoever waits for it later hears of it; nobody may be waiting when it happens.
    running.catch(() => {});
    const ended = await Promise.race([isTaken, running]).catch((error) => {
      letGo();
      throw error;
    });
    if (ended === undefined || host.isDry) {
      return new HeldLock(running, letGo, said.slice("taken\n".length, -".\n".length).trim());
    }
    letGo();
    throw notTaken(host, layout, { ...ended, stdout: said }, environment);
  }

  async unlock(): Promise<void> {
    this.#letGo();
    // Where nothing answers any more, the lock goes with the connection.
    const enough = new AbortController();
    const waited = delay(LET_GO_MS, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([this.#running.catch(() => {}), waited]);
    enough.abort();
  }
}

interface Lockable extends Asked {
  layout: Layout;
  step<T>(step: "lock", body: () => Promise<T>): Promise<T>;
}

export interface LockRequest {
  reason: string;
  environment: string;
  /** Which release a boot took when a host was asked: the plan is made from that. */
  bootOf: (host: string) => string;
}

/**
 * The first host's lock before all others: of two who deploy at once, one gets all of them and one
 * none. @throws TSUGI_DEPLOY_LOCKED, TSUGI_DEPLOY_REFUSED where somebody was faster
 */
export async function holdLocks<T>(
  hosts: Lockable[],
  { reason, environment, bootOf }: LockRequest,
  body: () => Promise<T>,
): Promise<T> {
  const locks: HeldLock[] = [];
  const take = (host: Lockable) =>
    host.step("lock", async () => {
      const lock = await patiently(() => HeldLock.take(host, host.layout, reason, environment));
      locks.push(lock);
      if (lock.boot === bootOf(host.name) || host.isDry) return;
      const problem = `${host.name} has got another release since it was asked`;
      const next = "The same command again makes a new plan";
      throw new TsugiError("TSUGI_DEPLOY_REFUSED", { problem, next });
    });
  try {
    const [first, ...others] = hosts;
    await take(first!);
    const taken = await Promise.allSettled(others.map(take));
    const refused = taken.find((one) => one.status === "rejected");
    if (refused !== undefined) throw refused.reason;
    return await body();
  } finally {
    await Promise.all(locks.map((lock) => lock.unlock()));
  }
}

/** One whose holder has just died takes a moment to be noticed. */
async function patiently<T>(take: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await take();
    } catch (error) {
      const isLocked = hasCode(error, "TSUGI_DEPLOY_LOCKED");
      if (!isLocked || performance.now() > deadline) throw error;
      await delay(PATIENCE_MS / 8);
    }
  }
}

const describe = (reason: string): string =>
  JSON.stringify({ by: whoAmI(), reason, at: new Date().toISOString() });

function notTaken(host: Asked, layout: Layout, result: RunResult, environment: string): TsugiError {
  const lock = parseLock(result.stdout);
  if (lock === undefined) {
    const isFull = fullDiskError(result.stderr, host.name, layout, environment);
    if (isFull !== undefined) return isFull;
    const problem = result.stderr.trim() || `exit ${result.exitCode}`;
    return new TsugiError("TSUGI_HOST_FAILED", {
      host: host.name,
      what: "taking the lock",
      problem,
      environment,
    });
  }
  return lockedError(host.name, lock, environment);
}

export const lockedError = (host: string, lock: Lock, environment: string): TsugiError =>
  new TsugiError("TSUGI_DEPLOY_LOCKED", {
    host,
    by: lock.by,
    age: ageText(lock.at, Date.now()),
    reason: lock.reason,
    environment,
  });

export const lockText = (host: string, { by, at, reason }: Lock): string =>
  `${host}: locked by ${by}, ${ageText(at, Date.now())}: ${reason}`;

/** Of a dry run, which takes no lock, and so is refused by none. */
export const lockNotes = (asked: { host: { name: string }; facts: { lock: Lock | undefined } }[]) =>
  asked.flatMap(({ host, facts: { lock } }) => (lock ? [lockText(host.name, lock)] : []));

/** "3 minutes ago" */
export function ageText(at: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (!Number.isFinite(seconds)) return "at an unknown time";
  const units: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "second"];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}
