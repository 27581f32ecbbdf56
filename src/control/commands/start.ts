import { stopwatch } from "../../platform/clock.ts";
import type { Register } from "../command.ts";
import type { Context } from "../context.ts";
import { msText, note, report } from "../output.ts";
import { type Boot, whileStarting } from "../prepare.ts";
import { spawnSupervisor } from "../spawn.ts";
import { unitFor } from "../units.ts";

const register: Register = (program, context) => {
  program
    .command("start")
    .description("start the permanent release; returns when it is ready")
    .option("--keep-env", "with this shell's whole environment, not only what a unit would have")
    .option("--json", "one JSON document on stdout")
    .action((options: StartOptions) => start(context, options));
};
export default register;

export interface StartOptions {
  json?: boolean;
  keepEnv?: boolean;
  /** Runs when it is certain that nothing runs. */
  before?: () => void;
}

export async function start(
  context: Context,
  { json, keepEnv = false, before }: StartOptions,
): Promise<void> {
  const { name } = context.layout;
  const ms = stopwatch();
  const unit = unitFor(context.layout);
  if (unit) note(`systemd has a unit for this root: so that it owns it, systemctl start ${unit}`);
  const boot = async (found: Boot) => {
    const { child, pid } = await spawnSupervisor(context.layout, found, "daemon", { keepEnv });
    if (child.connected) child.disconnect();
    child.unref();
    return { version: found.pointer.version, pid };
  };
  const { version, pid } = await whileStarting(context, boot, before);
  const text = `${name} ${version} is ready, pid ${pid} (${msText(ms())})`;
  report(json, { name, version, pid, ms: ms() }, text);
}
