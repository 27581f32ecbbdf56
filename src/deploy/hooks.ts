/** The configuration's own commands and functions around a deploy. */
import { once } from "node:events";
import type { DeployHooks, DeployMoment } from "../config/environmentSchema.ts";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { spawnChild } from "../platform/spawn.ts";

/** @throws TSUGI_DEPLOY_HOOK_FAILED */
export async function runHook(
  hooks: DeployHooks,
  name: keyof DeployHooks,
  moment: DeployMoment,
  folder: string,
  say: (text: string) => void,
): Promise<void> {
  const hook = hooks[name];
  if (hook === undefined) return;
  try {
    if (typeof hook === "function") await hook(moment);
    else await runCommand(hook, moment, folder, say);
  } catch (error) {
    const details = { hook: name, problem: messageOf(error) };
    throw new TsugiError("TSUGI_DEPLOY_HOOK_FAILED", details, { cause: error });
  }
}

/** It finds the moment in its environment; what it prints is told as notes. */
async function runCommand(
  [program, ...args]: string[],
  moment: DeployMoment,
  folder: string,
  say: (text: string) => void,
): Promise<void> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TSUGI_DEPLOY: JSON.stringify(moment),
    TSUGI_DEPLOY_ENVIRONMENT: moment.environment,
    TSUGI_DEPLOY_VERSION: moment.version,
    TSUGI_DEPLOY_HOST: moment.host,
  };
  const child = spawnChild(program!, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => say(text.trimEnd()));
  }
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`${program} ended with ${code ?? signal}`);
}
