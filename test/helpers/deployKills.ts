/**
 * `tsugi deploy` that is killed at one of its events, and what has to hold then, on every host: one
 * whole version, an account that can be read, a lock that says whose it is or none; and the same
 * command again goes on from there and leaves nothing lying about.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseLock } from "../../src/deploy/lock.ts";
import { mustRun } from "./commands.ts";
import type { DeployEventLine, DeployedHost, Deploying } from "./deploying.ts";
import type { BuiltRelease } from "./fixtureReleases.ts";
import { until } from "./installed.ts";

export interface Scenario {
  /** Versions that a host may have when it was killed; null: none yet. */
  before: (string | null)[];
  target: BuiltRelease;
  /** What the hosts' app has in WORD afterwards. */
  word: string;
  /** What is deployed again; by default the same. */
  again?: () => BuiltRelease;
}

/** One event of a deploy, so that the same one can be found in the next run. */
export function keyOf({ event, host, step, state, text }: DeployEventLine): string | undefined {
  if (event === "step") return `${host} ${step} ${state}`;
  if (event === "bytes") return `${host} bytes`;
  const name = event === "line" ? /^\s*([a-z]+)\s+[\d.]+ m?s/.exec(String(text))?.[1] : undefined;
  return name === undefined ? undefined : `${host} line ${name}`;
}

/** Kills at the first event with that key, some time after it. @returns false if there was none */
export async function killAt(
  fleet: Deploying,
  release: string,
  key: string,
  { delayMs = 0, signal = "SIGKILL" as NodeJS.Signals } = {},
): Promise<{ isKilled: boolean; code: number | null }> {
  const kill = (pid: number) => {
    const send = () => {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended in the meantime.
      }
    };
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  };
  try {
    const fits = (event: DeployEventLine) => keyOf(event) === key;
    const { code } = await fleet.deployKilledAt(release, fits, kill);
    return { isKilled: true, code };
  } catch (error) {
    if (!/no such event/.test(String(error))) throw error;
    return { isKilled: false, code: 0 };
  }
}

/** Right after the kill. */
export async function assertWhole(fleet: Deploying, { before, target }: Scenario): Promise<void> {
  for (const { root } of fleet.hosts) {
    const file = join(root, "run", "deploy.lock");
    const lock = existsSync(file) ? parseLock(readText(file)) : undefined;
    if (lock !== undefined) assert.match(`${lock.by} ${lock.reason}`, /\S+@\S+ tsugi deploy/);
  }
  const { stdout, output } = await fleet.tsugi("status", "production", "--json");
  const { hosts } = JSON.parse(stdout) as {
    hosts: { host: string; version: string | null; health: string; pending: string[] }[];
  };
  const allowed = [...before, target.version];
  for (const { host, version, health, pending } of hosts) {
    assert.ok(allowed.includes(version), `${host} has ${version}: ${output}`);
    const fine = before.includes(null) ? ["ok", "stopped", "not installed"] : ["ok"];
    // A version that is on trial may be found unfit: what comes of it is seen next.
    const isOnTrial = pending.some((one) => one.endsWith(": probation"));
    assert.ok(isOnTrial || fine.includes(health), `${host} is ${health}: ${output}`);
  }
  if (before.includes(null)) return;
  for (const host of fleet.hosts) {
    const { version } = await fleet.ask(host);
    assert.ok(allowed.includes(version as string), `${host.ssh.name} serves ${version}`);
  }
}

export async function assertGoesOn(fleet: Deploying, scenario: Scenario): Promise<void> {
  const release = scenario.again?.() ?? scenario.target;
  const { status, output } = await fleet.deploy(release.tarball);
  assert.equal(status, 0, withoutBytes(output));
  for (const host of fleet.hosts) {
    const { version, word } = await fleet.ask(host);
    assert.deepEqual([version, word], [release.version, scenario.word], host.ssh.name);
    const record = fleet.records(host).at(-1)!;
    assert.equal(record.to, release.version);
    assert.match(record.result, /^(done|unchanged)$/);
    assertTidy(host);
  }
}

/** Nothing of a deploy is left, secrets least of all. */
export function assertTidy({ root, ssh }: DeployedHost): void {
  const has = (...path: string[]) => {
    const folder = join(root, ...path);
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
  };
  assert.deepEqual(has("etc"), ["env"], ssh.name);
  assert.deepEqual(has("releases", ".staging"), [], ssh.name);
  assert.deepEqual(
    has("run").filter((name) => name.startsWith("deploy")),
    [],
    ssh.name,
  );
  const parts = has("releases").flatMap((version) =>
    has("releases", version).filter((name) => name.endsWith(".part")),
  );
  assert.deepEqual([...parts, ...has(".tsugi-install")], [], ssh.name);
}

export const unlocked = (fleet: Deploying) =>
  until("the locks are gone", () =>
    fleet.hosts.every(({ root }) => !existsSync(join(root, "run", "deploy.lock"))),
  );

/** As if it had never been there. */
export async function forget(host: DeployedHost, version: string): Promise<void> {
  const known = existsSync(join(host.root, "releases", version));
  if (known) await mustRun(host.bin, ["remove", version]);
  rmSync(join(host.root, "releases", version), { recursive: true, force: true });
}

const readText = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // It was gone in this moment.
  }
};

export const withoutBytes = (output: string): string =>
  output
    .split("\n")
    .filter((line) => !line.includes('"event":"bytes"'))
    .join("\n");
