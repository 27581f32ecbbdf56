/** From what the user names, a version or a file, to a release that is unpacked. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { cp, readlink, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import type { ReleaseHandler, Unpacked, UnpackRequest } from "../handler/index.ts";
import { stopwatch } from "../platform/clock.ts";
import { ensureFolder, exists } from "../platform/files.ts";
import { isPath } from "./arguments.ts";
import type { Context } from "./context.ts";
import { refuseIfExposed } from "./exposed.ts";
import { inStore, withBrought } from "./fromStore.ts";
import { bytesText, msText, note } from "./output.ts";
import { settlePermanent } from "./prepare.ts";
import { findSupervisor } from "./running.ts";
import { writeReleases } from "./writing.ts";

/** Prints what exrm's users know: not found, unpacking; unpacked. */
export async function unpackNamed(
  context: Context,
  named: string,
  force: boolean | undefined,
): Promise<Unpacked> {
  const { layout } = context;
  const stored = await inStore(context, named);
  if (stored !== undefined) return unpackFromStore(context, stored, force);
  const what = isPath(named) ? { source: context.resolvePath(named) } : { version: named };
  if (!isPath(named) && !force) {
    const handler = await context.handler();
    const there = await handler.entry(named).catch(() => undefined);
    // What lies in the drop box may be another build of that version: then it has to be refused.
    const dropped = there !== undefined && (await exists(layout.release(named).tarball));
    if (there && !dropped) return { version: named, releaseId: there.releaseId, already: true };
  }
  const source = isPath(named) ? named : `releases/${named}/${layout.name}.tar.gz`;
  const label = isPath(named) ? "" : `Release ${named} not found, `;
  note(`${label}${label ? "unpacking" : "Unpacking"} ${source}`);
  const request = { ...what, ...defined({ force }) };
  if (!("source" in what)) return carryOut(context, request);
  return whereVisible(context, what.source, (source) => carryOut(context, { ...request, source }));
}

async function unpackFromStore(
  context: Context,
  named: string,
  force: boolean | undefined,
): Promise<Unpacked> {
  note(`Taking ${named}`);
  // What replaces a release may not count on the folders that go with it.
  return withBrought(context, named, force ? "all" : "lacking", (brought) => {
    const { source, version, bytes, totalBytes } = brought;
    note(`Took ${version}: ${bytesText(bytes)} of ${bytesText(totalBytes)}`);
    return carryOut(context, { source, version, ...defined({ force }) });
  });
}

/**
 * Under systemd (`PrivateTmp`) the supervisor has a /tmp of its own: what is named there by somebody
 * else is brought into the root first.
 */
async function whereVisible<T>(
  { layout }: Context,
  source: string,
  body: (source: string) => Promise<T>,
): Promise<T> {
  const supervisor = await findSupervisor(layout);
  const isElsewhere = /^\/(var\/)?tmp\//.test(source);
  if (supervisor === undefined || !isElsewhere || (await seesTheSame(supervisor.pid))) {
    return body(source);
  }
  const copy = join(layout.staging, `${randomBytes(8).toString("hex")}-${basename(source)}`);
  try {
    await ensureFolder(layout.staging);
    await cp(source, copy, { recursive: true, verbatimSymlinks: true, errorOnExist: true });
    return await body(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** As far as can be told: another user's processes are not looked into. */
async function seesTheSame(pid: number): Promise<boolean> {
  const mounts = (of: number | "self") => readlink(`/proc/${of}/ns/mnt`).catch(() => undefined);
  const [theirs, ours] = await Promise.all([mounts(pid), mounts("self")]);
  return theirs === undefined || theirs === ours;
}

/** `named`: the file of a delta, or `-` for stdin. */
export async function unpackDelta(
  context: Context,
  named: string,
  force: boolean | undefined,
): Promise<Unpacked> {
  const request = { delta: true, ...defined({ force }) };
  if (named !== "-") {
    note(`Unpacking the delta ${named}`);
    return carryOut(context, { ...request, source: context.resolvePath(named) });
  }
  if (process.stdin.isTTY) {
    const help = `${context.layout.bin} unpack --delta - < <file>`;
    throw new TsugiError("TSUGI_USAGE", { problem: "stdin is a terminal, not a delta", help });
  }
  note("Unpacking the delta from stdin");
  // Below `.staging`, so that one that is left by a crash is swept away with the rest.
  const source = join(context.layout.staging, `${randomBytes(8).toString("hex")}.delta`);
  try {
    await ensureFolder(context.layout.staging);
    await pipeline(process.stdin, createWriteStream(source, { flags: "wx", mode: 0o600 }));
    return await carryOut(context, { ...request, source });
  } finally {
    await rm(source, { force: true });
  }
}

async function carryOut(context: Context, request: UnpackRequest): Promise<Unpacked> {
  await refuseIfExposed(context.layout);
  const ms = stopwatch();
  const progress = progressPrinter();
  const offline = async (handler: ReleaseHandler) => {
    await settlePermanent(context, handler);
    return handler.unpack(request, progress);
  };
  const unpacked = await writeReleases(context, { verb: "unpack", ...request }, offline);
  const { version, releaseId, already } = unpacked;
  const short = releaseId.slice(0, 12);
  note(
    already
      ? `Release ${version} is unpacked already`
      : `Unpacked ${version} (${short}, ${msText(ms())})`,
  );
  return unpacked;
}

/** Every quarter of what is worth waiting for. */
function progressPrinter(): (progress: { bytes: number; totalBytes: number }) => void {
  let quarter = 1;
  return ({ bytes, totalBytes }) => {
    if (!process.stderr.isTTY || bytes < (totalBytes * quarter) / 4 || quarter > 3) return;
    note(`  ${bytesText(bytes)} of ${bytesText(totalBytes)}`);
    quarter += 1;
  };
}
