import { errorFromJson } from "../../contract/errors.ts";
import { followed, settle } from "../../deploy/index.ts";
import { type FleetOptions, withFleet } from "../fleet.ts";
import { MergedLines } from "../mergedLines.ts";

/** Of what comes at about the same time, the order is that of its times. */
const TOGETHER_MS = 250;

/** The logs of all hosts in the order of time, each line with its host. */
export async function logsCommand(
  name: string | undefined,
  options: FleetOptions & { follow?: boolean; lines: number },
): Promise<void> {
  await withFleet(name, options, async (hosts) => {
    const abort = new AbortController();
    process.once("SIGINT", () => abort.abort());
    const width = Math.max(...hosts.map((host) => host.name.length));
    const lines = new MergedLines(process.stdout);
    const timer = options.follow ? setInterval(() => lines.flush(), TOGETHER_MS) : undefined;
    const { failures } = await settle(hosts, async (host) => {
      const out = lines.source(host.name.padEnd(width));
      const argv = host.command("logs", "-n", String(options.lines));
      if (!options.follow) {
        await host.must("reading the log", argv, { onStdout: out.push });
        return out.end();
      }
      const { signal } = abort;
      const stdin = untilAborted(signal);
      const command = followed([...argv, "-f"]);
      const quietMs = Number.POSITIVE_INFINITY;
      return host.run(command, { onStdout: out.push, stdin, signal, quietMs });
    });
    clearInterval(timer);
    lines.flush();
    if (failures.length > 0 && !abort.signal.aborted) throw errorFromJson(failures[0]!.error);
  });
}

async function* untilAborted(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  yield new Uint8Array();
}
