import type { ToolOptions } from "../../contract/commands/tool.ts";
import { errorFromJson, TsugiError } from "../../contract/errors.ts";
import { type Host, inRoot, settle } from "../../deploy/index.ts";
import { wholeLines } from "../../protocol/wholeLines.ts";
import type { Executed } from "../documents.ts";
import { withFleet } from "../fleet.ts";
import { fail, printResult, wantsJson } from "../output.ts";

/**
 * One command on every host, in its install root: `tsugi exec production bin/wall releases`. Where
 * there is one environment its name may be left out (execWords.ts). The first exit code that is not 0 is ours.
 */
export async function execCommand(words: string[], options: ToolOptions<"exec">): Promise<void> {
  const { name, argv } = split(words);
  await withFleet(name, options, async (hosts, environment) => {
    const width = Math.max(...hosts.map((host) => host.name.length));
    // Whole ones: of several hosts none tears another's.
    const linesOf = ({ name }: Host, stream: NodeJS.WritableStream) =>
      wholeLines((line) => stream.write(`${name.padEnd(width)}  ${line}\n`));
    const { answers, failures } = await settle(hosts, async (host) => {
      const [out, errors] = [linesOf(host, process.stdout), linesOf(host, process.stderr)];
      const shown = wantsJson() ? {} : { onStdout: out.push, onStderr: errors.push };
      // It may take as long as it likes: Ctrl-C ends it.
      const result = await host.run(inRoot(host.spec.root, argv), {
        ...shown,
        quietMs: Number.POSITIVE_INFINITY,
      });
      out.end();
      errors.end();
      if (result.exitCode !== 0) errors.push(`exit ${result.exitCode}\n`);
      return result;
    });
    const results = answers.map(({ host, value }) => ({ host: host.name, ...value }));
    printResult<Executed>({ environment: environment.name, hosts: results, failures }, []);
    if (failures.length > 0) return fail(errorFromJson(failures[0]!.error), { quiet: true });
    process.exitCode = results.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? 0;
  });
}

/** As they were arranged: the environment, if one is named, `--`, and the command. */
function split(words: string[]) {
  const end = words.indexOf("--");
  const argv = words.slice(end + 1);
  if (argv.length > 0) return { name: end === 0 ? undefined : words[0]!, argv };
  const help = "tsugi exec <environment> -- <command> [arguments]";
  throw new TsugiError("TSUGI_USAGE", { problem: "which command?", help });
}
