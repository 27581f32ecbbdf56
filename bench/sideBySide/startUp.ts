/** From nothing to the first answer, and how long a command takes that only asks. */
import { mustRun } from "../../test/helpers/commands.ts";
import { ALL, type Arena } from "../contestants/arena.ts";
import type { Contestant } from "../contestants/contestant.ts";
import { Pm2 } from "../contestants/pm2.ts";
import { Tsugi } from "../contestants/tsugi.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import { makeRow, milliseconds } from "../lib/row.ts";
import type { Section } from "../lib/section.ts";
import { elapsedMs } from "../lib/statistics.ts";

const ROUNDS = 5;
const ASKING_ROUNDS = 7;

export async function startUp(bench: Bench, arena: Arena): Promise<Section> {
  await arena.stopAll();
  const { node } = (await arena.tsugi()).host;
  const measureOne = async (contestant: Contestant) => {
    const startMs = await elapsedMs(async () => {
      await contestant.start();
      await untilAnswers(contestant.port);
    });
    await contestant.stop();
    return { startMs };
  };
  const rounds = bench.isShort ? 1 : ROUNDS;
  const started = await arena.measure(ALL, rounds, measureOne, { start: false });

  const asking = await arena.measure(
    ["tsugi", "node", "pm2"],
    bench.isShort ? 1 : ASKING_ROUNDS,
    async (contestant) => ({ askMs: await elapsedMs(() => ask(contestant, node)) }),
  );
  return {
    rows: [
      makeRow(started, {
        what: "start to first answer",
        meaning: "from nothing: PM2's daemon, nginx and the VM start too",
        quantity: "startMs",
        format: milliseconds,
      }),
      makeRow(asking, {
        what: "a command that asks",
        meaning: "bin/feed ping, node -e 0, pm2 pid",
        quantity: "askMs",
        format: milliseconds,
        none: { nginx: "nothing to ask", otp: "the bench talks to its standard input" },
      }),
    ],
  };
}

function ask(contestant: Contestant, node: string): Promise<unknown> {
  if (contestant instanceof Tsugi) return contestant.host.must("ping");
  if (contestant instanceof Pm2) return contestant.run("pid", "feed");
  return mustRun(node, ["-e", "0"]);
}
