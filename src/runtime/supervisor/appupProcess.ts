/** What a command or function of an appup is started with. */
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { APPUP_MODULE, type AppupDirection, type AppupMoment } from "../../release/appup.ts";
import type { AppliedStep } from "../../relup/index.ts";
import type { CommandProcess } from "./commandProcess.ts";
import type { WorkerSpec } from "./workerChannel.ts";

/** `spec`: what a worker of the release would be started with. */
export function appupCommand(
  spec: WorkerSpec,
  moment: AppupMoment,
  step: AppliedStep,
  change: { from: string; to: string; direction: AppupDirection },
): Pick<CommandProcess, "words" | "env"> {
  const { NODE_APP_INSTANCE: _, ...env } = spec.env;
  const app = env.TSUGI_APP_DIR!;
  const folders = [dirname(spec.node), join(app, "node_modules", ".bin"), env.PATH ?? ""];
  return {
    words: step.command
      ? commandWords(step.command, app, spec)
      : functionWords(spec, moment, step.index),
    env: {
      ...env,
      PATH: folders.filter((folder) => folder !== "").join(delimiter),
      TSUGI_FROM: change.from,
      TSUGI_TO: change.to,
      TSUGI_DIRECTION: change.direction,
    },
  };
}

/**
 * `./…` is a file of the release where there is one; `node` is the release's, and what it prints
 * right before its end arrives.
 */
function commandWords(command: readonly string[], app: string, { node, preload }: WorkerSpec) {
  const words = command.map((word) => {
    const file = join(app, word);
    return word.startsWith("./") && existsSync(file) ? file : word;
  });
  if (words[0] !== "node") return words;
  const output = join(dirname(preload), "output.mjs");
  // A release that an older tsugi has built has none.
  const kept = existsSync(output) ? ["--import", pathToFileURL(output).href] : [];
  return [node, ...kept, ...words.slice(1)];
}

function functionWords({ node, nodeArgs, preload, env }: WorkerSpec, moment: string, at: number) {
  const ownArgs = nodeArgs.filter((argument) => !argument.startsWith("--inspect"));
  const runner = join(dirname(preload), "appup.mjs");
  const module = join(env.TSUGI_APP_DIR!, APPUP_MODULE);
  const imported = pathToFileURL(preload).href;
  return [node, ...ownArgs, "--import", imported, runner, module, moment, String(at)];
}
