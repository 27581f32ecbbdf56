import { hasCode } from "../../contract/errors.ts";
import { refuseBadSettings } from "../change.ts";
import type { Context } from "../context.ts";
import { refuseIfExposed } from "../exposed.ts";
import { note } from "../output.ts";
import { findSupervisor } from "../running.ts";
import { type StartOptions, start } from "./start.ts";
import { stop } from "./stop.ts";

export default async function restartCommand(context: Context, options: StartOptions) {
  // What a start would refuse is refused while the old one still serves.
  const handler = await context.handler();
  const permanent = await handler.permanent();
  if (permanent !== undefined && (await findSupervisor(context.layout)) !== undefined) {
    await refuseIfExposed(context.layout);
    await handler.verify(permanent.version);
    await refuseBadSettings(context, permanent.version);
  }
  try {
    const { name, version, pid } = await stop(context);
    note(`${name} ${version} stopped, pid ${pid}`);
  } catch (error) {
    if (!hasCode(error, "TSUGI_NOT_RUNNING")) throw error;
    note(`${context.layout.name} was not running`);
  }
  await start(context, options);
}
