/** A clock that has gone back: releases are ordered by time, and a log that is in the future misleads. */
import { stat } from "node:fs/promises";
import type { Context } from "../context.ts";
import type { Seen } from "./seen.ts";

const SKEW_MS = 60_000;

export async function checkClock(context: Context): Promise<Seen> {
  const now = Date.now();
  const note = new Date(now).toISOString();
  const latest = (await momentsOf(context)).sort((a, b) => b.at - a.at)[0];
  if (latest === undefined || latest.at <= now + SKEW_MS) return { note, findings: [] };
  const at = new Date(latest.at).toISOString();
  const problem = `The clock says ${note}, but ${latest.what} is of ${at}.`;
  return { note: "", findings: [{ problem, remedy: "timedatectl set-ntp true" }] };
}

/** What has certainly been before. */
async function momentsOf({ layout, handler }: Context): Promise<{ what: string; at: number }[]> {
  const { releases } = await (await handler()).list();
  const written = releases.map(({ version, since }) => ({
    what: `the status of ${version}`,
    at: Date.parse(since),
  }));
  const files = [layout.permanent, layout.appLog, layout.upgradesLog].map(async (what) => ({
    what,
    at: await stat(what)
      .then(({ mtimeMs }) => mtimeMs)
      .catch(() => Number.NaN),
  }));
  return [...written, ...(await Promise.all(files))].filter(({ at }) => !Number.isNaN(at));
}
