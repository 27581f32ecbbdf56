/**
 * The same two builds of an Elixir release, upgraded to and fro under the same clients: by `bin/<app>`, and by
 * OTP's release_handler alone with the relup that systools makes.
 */
import { join } from "node:path";
import { BeamBuilds, BeamHost, type BuiltBeam, elixirMissing } from "../../test/helpers/beam.ts";
import { startLoad } from "../../test/helpers/beamLoad.ts";
import { renamed, sameVersion } from "../../test/helpers/beamRenamed.ts";
import { mustRun } from "../../test/helpers/commands.ts";
import { projectRoot } from "../../test/helpers/example.ts";
import type { Bench } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { median } from "../lib/statistics.ts";

const ROUNDS = 10;
const VERSIONS = ["0.0.1", "0.0.2"] as const;
/** Between two calls in /slow. */
const SLOW_MS = 150;

export async function releaseHandler(bench: Bench): Promise<Result[]> {
  const missing = await elixirMissing();
  if (missing) throw new Error(missing);
  const builds = new BeamBuilds();
  bench.onEnd(() => builds.dispose());
  const [older, newer] = VERSIONS;
  const one = await builds.get("one", renamed(older, "say"));
  const two = await builds.get("two", renamed(newer, "tell"));
  const ours = await measure(one, two, async (host, version) => {
    await host.must(version === newer ? "upgrade" : "downgrade", version);
  });
  let isReady = false;
  const plain = await measure(one, two, async (host, version) => {
    if (!isReady) await preparePlain(host, one, two);
    isReady = true;
    const said = await host.rpc(`:release_handler.install_release(~c"${version}")`);
    if (!said.startsWith("{:ok")) throw new Error(`release_handler: ${said}`);
  });
  const ms = (values: number[]) => `${Math.round(median(values))} ms`;
  return [
    {
      what: "longest wait of 8 clients, median of 10 upgrades",
      tsugi: ms(ours.longestMs),
      against: `${ms(plain.longestMs)} release_handler`,
      outcome: "",
    },
    {
      what: `the same, beyond requests of ${SLOW_MS} ms that it waits for`,
      tsugi: ms(ours.longestMs.map((each) => Math.max(0, each - SLOW_MS))),
      against: "it waits for none",
      outcome: "",
    },
    {
      what: "requests that failed, or ran in two versions",
      tsugi: `${ours.failed} of ${ours.asked}`,
      against: `${plain.failed} of ${plain.asked} release_handler`,
      outcome: "",
      aim: "0",
      reached: ours.failed === 0,
    },
  ];
}

async function measure(
  one: BuiltBeam,
  two: BuiltBeam,
  change: (host: BeamHost, version: string) => Promise<void>,
) {
  const host = await BeamHost.start(one);
  try {
    host.drop(two);
    const quick = startLoad(host.port, 8, ["/word", "/version"], { text: mixed });
    const slow = startLoad(host.port, 2, ["/slow"], { text: mixed });
    const longestMs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      quick.longestMs();
      await change(host, VERSIONS[(round + 1) % 2]!);
      longestMs.push(quick.longestMs());
    }
    const tallies = [await quick.stop(), await slow.stop()];
    const failed = tallies.reduce((sum, { failures }) => sum + failures.length, 0);
    const asked = tallies.reduce((sum, { answered }) => sum + answered, failed);
    return { longestMs, failed, asked };
  } finally {
    await host.remove();
  }
}

/** /version says one number and nothing else. */
const mixed = (text: string) => (text.includes(":") ? sameVersion(text) : undefined);

/** What release_handler wants of a release before it installs it: unpacked, configured, with a relup. */
async function preparePlain(host: BeamHost, one: BuiltBeam, two: BuiltBeam): Promise<void> {
  const [, newer] = VERSIONS;
  await host.must("unpack", newer);
  await host.rpc(`:tsugi_config.evaluate(~c"${newer}") && :ok`);
  const script = join(projectRoot, "bench", "apps", "plainRelup", "make.escript");
  const relup = join(host.root, "releases", newer, "relup");
  await mustRun("escript", [script, "shop", one.tree, two.tree, ...VERSIONS, relup]);
}
