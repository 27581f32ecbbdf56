/**
 * A one-line change to one host and to five: `tsugi deploy` against rsync of the same tree and a
 * restart, over the same sshd's of this machine. All hosts share its processors, so five cannot take
 * the time of one here, however they are gone about; over a link on which every byte takes its time
 * it shows what waits for what.
 */
import { appendFileSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { findProgram, needPrograms } from "../../test/helpers/debian.ts";
import { type DeployedHost, Deploying } from "../../test/helpers/deploying.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import { Link } from "../lib/link.ts";
import type { Result } from "../lib/result.ts";
import { bytes, milliseconds } from "../lib/row.ts";
import { median } from "../lib/statistics.ts";

const APP = "feed";
const NAMES = ["app1", "app2", "app3", "app4", "app5"];
const ROUNDS = 3;
/** The first release, and one that finds everything in place, are not measured. */
const UNMEASURED = 2;
const SLOW_DELAY_MS = 50;
/** Well below the sum, which would be five times. */
const AIM_GROWTH = 2.5;

interface Measured {
  ms: number[];
  /** A host. */
  bytes: number[];
  /** Of all processors, by whomever. */
  busyShare: number[];
}

export async function deploy(bench: Bench): Promise<Result[]> {
  await needPrograms("sshd", "rsync");
  const tarballs = await buildAll(bench);
  const [near, far] = [tarballs.slice(0, UNMEASURED + ROUNDS), tarballs.slice(-ROUNDS)];
  const one = await Fleet.start(bench, NAMES.slice(0, 1));
  const five = await Fleet.start(bench, NAMES);
  const tsugi = [await withTsugi(one, near), await withTsugi(five, near)];
  for (const fleet of [one, five]) fleet.slowDown(SLOW_DELAY_MS);
  const slow = [await withTsugi(one, far, 0), await withTsugi(five, far, 0)];
  for (const fleet of [one, five]) await fleet.remove();

  const rsync: Measured[] = [];
  for (const names of [NAMES.slice(0, 1), NAMES]) {
    const fleet = await Fleet.start(bench, names);
    rsync.push(await withRsync(fleet, near));
    await fleet.remove();
  }
  const counted = (["1 host", "5 hosts"] as const).flatMap((hosts, at) =>
    rowsOf(hosts, tsugi[at]!, rsync[at]!),
  );
  return [
    ...counted,
    growthRow("time of 5 hosts to 1", tsugi as [Measured, Measured]),
    growthRow(`the same, ${2 * SLOW_DELAY_MS} ms away`, slow as [Measured, Measured]),
  ];
}

async function buildAll(bench: Bench): Promise<string[]> {
  const project = await bench.projectWithPackages(APP, "deployed");
  const tarballs: string[] = [];
  for (let number = 0; number < UNMEASURED + 2 * ROUNDS; number += 1) {
    appendFileSync(join(project, "server.js"), `// one more line: ${number}\n`);
    const version = `1.0.${number}`;
    // The project itself keeps the last few only.
    const kept = join(bench.folder, `${APP}-${version}.tar.gz`);
    linkSync(await bench.release(project, APP, version), kept);
    tarballs.push(kept);
  }
  return tarballs;
}

/** Hosts that are reached over links. */
class Fleet {
  readonly deploying: Deploying;
  readonly links: Link[];
  readonly sshConfig: string;

  static async start(bench: Bench, names: string[]): Promise<Fleet> {
    const deploying = await Deploying.start(APP, names);
    bench.onEnd(() => deploying.remove());
    const links = await Promise.all(deploying.hosts.map(({ ssh }) => Link.open(ssh.port)));
    for (const link of links) bench.onEnd(() => link.close());
    return new Fleet(deploying, links);
  }

  private constructor(deploying: Deploying, links: Link[]) {
    this.deploying = deploying;
    this.links = links;
    const { fleet, hosts, folder } = deploying;
    this.sshConfig = join(folder, "ssh_config");
    const config = hosts.reduce(
      (text, { ssh }, at) => text.replace(`Port ${ssh.port}\n`, `Port ${links[at]!.port}\n`),
      readFileSync(fleet.configFile, "utf8"),
    );
    writeFileSync(this.sshConfig, config);
    deploying.configure({ rollout: { canary: 0 }, ssh: { config: this.sshConfig } });
  }

  slowDown(delayMs: number): void {
    for (const link of this.links) link.delayMs = delayMs;
  }

  async measure(measured: Measured, run: () => Promise<unknown>): Promise<void> {
    for (const link of this.links) link.bytes = 0;
    const before = processorTimes();
    const startedAt = performance.now();
    await run();
    measured.ms.push(performance.now() - startedAt);
    const after = processorTimes();
    measured.busyShare.push((after.busy - before.busy) / (after.all - before.all));
    const moved = this.links.reduce((sum, link) => sum + link.bytes, 0);
    measured.bytes.push(moved / this.links.length);
  }

  async remove(): Promise<void> {
    await this.deploying.remove();
    for (const link of this.links) await link.close();
  }
}

async function withTsugi(
  fleet: Fleet,
  tarballs: string[],
  unmeasured = UNMEASURED,
): Promise<Measured> {
  const measured = nothing();
  for (const [number, tarball] of tarballs.entries()) {
    await fleet.measure(number < unmeasured ? nothing() : measured, async () => {
      const { status, stderr } = await fleet.deploying.deploy(tarball);
      if (status !== 0) throw new Error(`tsugi deploy ended with ${status}: ${stderr}`);
    });
  }
  return measured;
}

/** The tree of a release, copied over the one before, and restarted; all hosts at once. */
async function withRsync(fleet: Fleet, tarballs: string[]): Promise<Measured> {
  const measured = nothing();
  const { hosts, folder } = fleet.deploying;
  for (const [number, tarball] of tarballs.entries()) {
    const tree = join(folder, `tree-${number}`);
    mkdirSync(tree);
    await mustRun("tar", ["xzf", tarball], { cwd: tree });
    await fleet.measure(number < UNMEASURED ? nothing() : measured, () =>
      Promise.all(hosts.map((host) => copyAndRestart(host, tree, fleet.sshConfig))),
    );
  }
  return measured;
}

async function copyAndRestart(host: DeployedHost, tree: string, config: string): Promise<void> {
  const name = host.ssh.name;
  mkdirSync(join(host.root, "etc"), { recursive: true });
  writeFileSync(join(host.root, "etc", "env"), `PORT=${host.port}\n`, { mode: 0o600 });
  const keep = ["/etc", "/log", "/run", "/var"].map((folder) => `--exclude=${folder}`);
  const args = ["-az", "--delete", "--mkpath", ...keep, "-e", `ssh -F ${config}`];
  await mustRun(findProgram("rsync")!, [...args, `${tree}/`, `${name}:${host.root}/`]);
  const restart = `${host.bin} stop 2>/dev/null; ${host.bin} start`;
  await mustRun("ssh", ["-F", config, name, restart]);
  await untilAnswers(host.port);
}

function rowsOf(hosts: string, tsugi: Measured, rsync: Measured): Result[] {
  const ratio = (quantity: "ms" | "bytes") =>
    `× ${(median(tsugi[quantity]) / median(rsync[quantity])).toFixed(2)}`;
  return [
    {
      what: `${hosts}: bytes a host, ssh's own included`,
      tsugi: bytes(median(tsugi.bytes)),
      against: `${bytes(median(rsync.bytes))} rsync -az, restart`,
      outcome: ratio("bytes"),
    },
    {
      what: `${hosts}: time`,
      tsugi: milliseconds(median(tsugi.ms)),
      against: `${milliseconds(median(rsync.ms))} rsync -az, restart`,
      outcome: ratio("ms"),
    },
  ];
}

function growthRow(what: string, [one, five]: [Measured, Measured]): Result {
  const growth = median(five.ms) / median(one.ms);
  return {
    what: `${what}; processors busy`,
    tsugi: `${milliseconds(median(five.ms))} to ${milliseconds(median(one.ms))}`,
    against: `${(100 * median(five.busyShare)).toFixed(0)} % busy`,
    outcome: `× ${growth.toFixed(1)}`,
    aim: `below ${AIM_GROWTH}; the sum is 5`,
    reached: growth < AIM_GROWTH,
  };
}

const nothing = (): Measured => ({ ms: [], bytes: [], busyShare: [] });

function processorTimes(): { busy: number; all: number } {
  const times = cpus().map((processor) => processor.times);
  const sum = (of: (one: (typeof times)[number]) => number) =>
    times.reduce((total, one) => total + of(one), 0);
  const all = sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq);
  return { all, busy: all - sum(({ idle }) => idle) };
}
