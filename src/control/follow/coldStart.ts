/**
 * The start of a host that follows, as of a container that was made anew: the release that is wanted is
 * brought first, and serves from the beginning. What can't be had, or does not start, keeps nobody from
 * serving what is here.
 */
import { errorToJson } from "../../contract/errors.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";
import { settlePermanent, withLock } from "../prepare.ts";
import { wasStopped } from "../spawn.ts";
import { unpackNamed } from "../unpacking.ts";
import { isOfTheHost } from "./blame.ts";
import type { FollowRequest } from "./request.ts";
import { type Wanted, wantedAt } from "./wanted.ts";

/** @returns undefined where what is here is wanted, or nothing else can be had */
export async function bringWanted(
  context: Context,
  { place, annotation }: FollowRequest,
): Promise<{ version: string; wanted: Wanted } | undefined> {
  try {
    const wanted = await wantedAt(context, place, annotation);
    if (wanted === undefined) note(`Nothing is wanted: ${place} says no version`);
    if (wanted === undefined || (await isHere(context, wanted))) return undefined;
    const { version } = await unpackNamed(context, wanted.named, undefined);
    return { version, wanted };
  } catch (error) {
    sayOf("What is wanted can't be had", error);
    return undefined;
  }
}

/** Starts by `boot`: with what was brought, or else with what was here. @returns what need not be tried again */
export async function startWanted(
  brought: { version: string; wanted: Wanted } | undefined,
  boot: (version: string | undefined) => Promise<void>,
): Promise<string | undefined> {
  if (brought === undefined) {
    await boot(undefined);
    return undefined;
  }
  try {
    await boot(brought.version);
    return undefined;
  } catch (error) {
    if (wasStopped(error)) throw error;
    sayOf(`${brought.version} is wanted and does not start`, error);
    await boot(undefined);
    return isOfTheHost(errorToJson(error)) ? undefined : brought.wanted.identity;
  }
}

async function isHere(context: Context, wanted: Wanted): Promise<boolean> {
  return withLock(context, async (handler) => {
    await settlePermanent(context, handler);
    const permanent = await handler.permanent();
    return permanent !== undefined && wanted.isRunning(permanent);
  });
}

function sayOf(what: string, error: unknown): void {
  const { code, message } = errorToJson(error);
  note(`${what}: it begins with what is here (${code}: ${message})`);
}
