import type { ToolOptions } from "../../contract/commands/tool.ts";
import { type ErrorJson, errorFromJson, TsugiError } from "../../contract/errors.ts";
import { type Host, settle } from "../../deploy/index.ts";
import { withFleet } from "../fleet.ts";
import { followHost } from "../followHost.ts";
import { MergedLines } from "../mergedLines.ts";
import { applicationsBelow, isFolder, neighboursOf } from "../neighbourHosts.ts";

/** Of what comes at about the same time, the order is that of its times. */
const TOGETHER_MS = 250;

/** The logs of all hosts, or of all their applications, in the order of time, each line with its host. */
export async function logsCommand(
  name: string | undefined,
  options: ToolOptions<"logs">,
): Promise<void> {
  if (options.all && isFolder(name)) return show(await applicationsBelow(name), options);
  await withFleet(name, options, async (hosts) => {
    const beside = async () => (await Promise.all(hosts.map(neighboursOf))).flat();
    await show(options.all ? await beside() : hosts, options);
  });
}

async function show(hosts: Host[], { follow, lines: most }: ToolOptions<"logs">): Promise<void> {
  if (hosts.length === 0) {
    const problem = "no application is installed there";
    throw new TsugiError("TSUGI_USAGE", { problem, help: "tsugi ps <folder>" });
  }
  const abort = new AbortController();
  process.once("SIGINT", () => abort.abort());
  const width = Math.max(...hosts.map((host) => host.name.length));
  const lines = new MergedLines(process.stdout);
  const timer = follow ? setInterval(() => lines.flush(), TOGETHER_MS) : undefined;
  const { failures } = await settle(hosts, async (host) => {
    const out = lines.source(host.name.padEnd(width));
    const argv = host.command("logs", "-n", String(most));
    const what = "reading the log";
    const how = { onStdout: out.push, signal: abort.signal };
    if (follow) await followHost(host, what, [...argv, "-f"], how);
    else await host.must(what, argv, how);
    out.end();
  });
  clearInterval(timer);
  lines.flush();
  if (abort.signal.aborted) {
    // Who follows ends it so; who does not has seen a part.
    if (!follow) process.exitCode = 130;
    return;
  }
  // One of many that was never started has none to show.
  const isSilent = ({ error }: { error: ErrorJson }) => error.message.includes("TSUGI_NO_LOG");
  const silent = failures.filter(isSilent);
  const problem = failures.find((one) => silent.length === hosts.length || !isSilent(one));
  if (problem !== undefined) throw errorFromJson(problem.error);
  for (const { host } of silent) process.stderr.write(`${host.padEnd(width)}  no log yet\n`);
}
