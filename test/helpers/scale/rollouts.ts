/** What is deployed by ssh to hosts that are well, dead, or on which a version is unhealthy. */
import { mkdirSync } from "node:fs";
import { random } from "../random.ts";
import { type Deployed, deployTo, type Rollout } from "./deployed.ts";
import { playedReleases } from "./documents.ts";
import { type Delays, SshHosts } from "./sshHosts.ts";

export interface Rolled {
  name: string;
  rollout: Rollout;
  deployed: Deployed;
  /** Which versions run afterwards, on how many hosts. */
  runs: Record<string, number>;
}

const ROLLOUT: Rollout = { canary: 1, batch: "25%", onFailure: "rollback" };

/** One after the other; each host goes on from where the last one has left it. */
export async function rollOut(
  folder: string,
  count: number,
  delays: Delays,
  seed: number,
  say: (text: string) => void,
): Promise<Rolled[]> {
  mkdirSync(folder, { recursive: true });
  const releases = await playedReleases(folder, ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
  const [, good, bad, badForFew] = releases;
  const hosts = new SshHosts(folder, count, releases, delays, random(seed));
  const names = hosts.hosts.map(({ name }) => name);
  // None of them a canary: the fiftieth, the hundred-and-fiftieth …
  const everyHundredth = names.filter((_, at) => at % 100 === Math.min(49, count >> 1));
  const fifth = Math.min(5, count);
  const rolled: Rolled[] = [];
  const run = async (name: string, release: typeof good, rollout = ROLLOUT) => {
    const deployed = await deployTo(hosts, folder, release!, rollout);
    const runs: Record<string, number> = {};
    for (const host of hosts.hosts) runs[hosts.runs(host)] = (runs[hosts.runs(host)] ?? 0) + 1;
    say(`${name}: ${deployed.seconds.toFixed(1)} s, exit code ${deployed.exitCode}`);
    rolled.push({ name, rollout, deployed, runs });
  };
  hosts.set(everyHundredth, { DEAD: "1" });
  await run("1 in 100 is dead", good);
  hosts.set(everyHundredth, { DEAD: "" });
  await run("all are well", good);
  hosts.set(names, { ILL: "1.2.0" });
  await run("a bad version", bad);
  hosts.set(names, { ILL: "" });
  hosts.set(everyHundredth, { ILL: "1.3.0" });
  await run("bad on 1 in 100", badForFew, { canary: fifth, batch: "10%", onFailure: "rollback" });
  return rolled;
}
