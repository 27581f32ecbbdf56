import { TsugiError } from "../../contract/errors.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";
import { type StartOptions, start } from "./start.ts";
import { stop } from "./stop.ts";

export default async function restartCommand(context: Context, options: StartOptions) {
  try {
    const { name, version, pid } = await stop(context);
    note(`${name} ${version} stopped, pid ${pid}`);
  } catch (error) {
    if (!(error instanceof TsugiError) || error.code !== "TSUGI_NOT_RUNNING") throw error;
    note(`${context.layout.name} was not running`);
  }
  await start(context, options);
}
