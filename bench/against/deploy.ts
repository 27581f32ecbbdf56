/**
 * A one-line change to one host and to five: `tsugi deploy` against rsync of the same tree and a
 * restart, over the same sshd's of this machine. All hosts share its processors, so five cannot take
 * the time of one here; what is looked at is how far they stay below five times one.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { findProgram, needPrograms } from "../../test/helpers/debian.ts";
import { type DeployedHost, Deploying } from "../../test/helpers/deploying.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";

const APP = "feed";
const NAMES = ["app1", "app2", "app3", "app4", "app5"];

interface Measured {
  ms: number;
  bytes: number;
}

export async function deploy(bench: Bench): Promise<Result[]> {
  await needPrograms(["sshd", "rsync"], ["openssh-server", "rsync"]);
  const project = await bench.projectWithPackages(APP, "deployed");
  const tarballs: string[] = [];
  for (const version of ["1.0.0", "1.0.1", "1.0.2"]) {
    appendFileSync(join(project, "server.js"), `// the line of ${version}\n`);
    tarballs.push(await bench.release(project, APP, version));
  }
  const results: Result[] = [];
  const byCount: Record<number, { tsugi: Measured; rsync: Measured }> = {};
  for (const count of [1, NAMES.length]) {
    const tsugi = await withTsugi(bench, NAMES.slice(0, count), tarballs);
    const rsync = await withRsync(bench, NAMES.slice(0, count), tarballs);
    byCount[count] = { tsugi, rsync };
    const hosts = count === 1 ? "1 host" : `${count} hosts`;
    const ratio = (of: (measured: Measured) => number) => `${(of(tsugi) / of(rsync)).toFixed(2)} ×`;
    results.push(
      {
        what: `bytes a host, ${hosts}`,
        tsugi: `${kilobytes(tsugi.bytes / count)} KB`,
        against: `${kilobytes(rsync.bytes / count)} KB rsync -az`,
        outcome: ratio(({ bytes }) => bytes),
      },
      {
        what: `time, ${hosts}`,
        tsugi: `${(tsugi.ms / 1000).toFixed(1)} s`,
        against: `${(rsync.ms / 1000).toFixed(1)} s rsync and restart`,
        outcome: ratio(({ ms }) => ms),
      },
    );
  }
  const growth = byCount[NAMES.length]!.tsugi.ms / byCount[1]!.tsugi.ms;
  const what = "time of 5 hosts to 1";
  const outcome = `${growth.toFixed(1)} ×`;
  return [...results, { what, tsugi: outcome, against: "5 × one by one", outcome: "" }];
}

/** The first release, then the second without a measure: the third finds everything warm. */
async function withTsugi(bench: Bench, names: string[], tarballs: string[]): Promise<Measured> {
  const fleet = await Deploying.start(APP, names);
  bench.onEnd(() => fleet.remove());
  fleet.configure({ rollout: { canary: 0 } });
  let measured: Measured = { ms: 0, bytes: 0 };
  for (const tarball of tarballs) {
    const startedAt = performance.now();
    const { status, output, result } = await fleet.deploy(tarball);
    if (status !== 0) throw new Error(output);
    const hosts = result!.hosts as { sentBytes: number }[];
    const bytes = hosts.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    measured = { ms: performance.now() - startedAt, bytes };
  }
  await fleet.remove();
  return measured;
}

/** The tree of a release, copied over the one before, and restarted; all hosts at once. */
async function withRsync(bench: Bench, names: string[], tarballs: string[]): Promise<Measured> {
  const fleet = await Deploying.start(APP, names);
  bench.onEnd(() => fleet.remove());
  const ssh = `ssh -F ${fleet.fleet.configFile}`;
  let measured: Measured = { ms: 0, bytes: 0 };
  for (const [index, tarball] of tarballs.entries()) {
    const tree = join(fleet.folder, `tree-${index}`);
    mkdirSync(tree);
    await mustRun("tar", ["xzf", tarball], { cwd: tree });
    const startedAt = performance.now();
    const bytes = await Promise.all(fleet.hosts.map((host) => copyAndRestart(host, tree, ssh)));
    const ms = performance.now() - startedAt;
    measured = { ms, bytes: bytes.reduce((sum, one) => sum + one, 0) };
  }
  await fleet.remove();
  return measured;
}

async function copyAndRestart(host: DeployedHost, tree: string, ssh: string): Promise<number> {
  const name = host.ssh.name;
  const keep = ["/etc", "/log", "/run", "/var"].map((folder) => `--exclude=${folder}`);
  const args = ["-az", "--stats", "--delete", "--mkpath", ...keep, "-e", ssh];
  const { stdout } = await mustRun(findProgram("rsync")!, [
    ...args,
    `${tree}/`,
    `${name}:${host.root}/`,
  ]);
  const restart = `${host.bin} stop 2>/dev/null; PORT=${host.port} ${host.bin} start`;
  await mustRun("ssh", [...ssh.split(" ").slice(1), name, restart]);
  await untilAnswers(host.port);
  const [sent, received] = ["sent", "received"].map((what) => {
    const match = new RegExp(`Total bytes ${what}: ([\\d,]+)`).exec(stdout);
    return Number(match?.[1]?.replaceAll(",", "") ?? 0);
  });
  return sent! + received!;
}

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0);
