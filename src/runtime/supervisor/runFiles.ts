/** What a running supervisor leaves in `run/`: its pid, and the link to its control socket. */

import { readFileSync, readlinkSync, rmSync } from "node:fs";
import { readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { orUndefined } from "../../contract/checks.ts";
import { prepareToSeize } from "../../platform/lock.ts";
import { controlSocketOf, type Layout } from "../../release/layout.ts";

const PERSIST_MS = 1_000;

/** The socket's own name; relative, because `run/` is the supervisor's working directory. */
export const ownSocketName = (): string => controlSocketOf(process.pid);

/** Written beside its place; the function that comes back puts it there. */
export async function preparePid(layout: Layout): Promise<() => Promise<void>> {
  const temporary = `${layout.pid}.${process.pid}`;
  await writeFile(temporary, `${process.pid}\n`, { mode: 0o644 });
  return () => rename(temporary, layout.pid);
}

/** From the rename on, `bin/<app>` talks to this supervisor. */
export async function prepareControlLink(layout: Layout): Promise<() => Promise<void>> {
  const temporary = `${layout.controlSocket}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(ownSocketName(), temporary);
  return () => rename(temporary, layout.controlSocket);
}

/**
 * What a killed supervisor left: sockets and half-written files that carry its pid in the name.
 * `of`: of that one alone, while another one lives.
 */
export async function sweepRunFiles(layout: Layout, of?: number): Promise<void> {
  const pid = of ?? "\\d+";
  const leftover = new RegExp(
    `^(control\\.${pid}\\.sock|state\\.${pid}\\.\\d+|output\\.${pid}\\.\\d+\\.\\d|(pid|workers|lock|last-end|control\\.sock)\\.${pid}(\\.\\d+)?)$`,
  );
  for (const name of await readdir(layout.run)) {
    // How one ended whose launcher was gone by then.
    const isUnread = of === undefined && name === basename(layout.exitCode);
    if (isUnread || leftover.test(name)) await rm(join(layout.run, name), { force: true });
  }
}

/**
 * Removes what is ours, and only that: a successor may have taken over the names. What a disk that went
 * read-only keeps is seen through, as what a kill leaves, and holds up nobody's end.
 */
export function removeRunFiles(layout: Layout): void {
  const remove = (path: string) => void orUndefined(() => rmSync(path, { force: true }));
  remove(ownSocketName());
  if (orUndefined(() => readlinkSync(layout.controlSocket)) === ownSocketName()) {
    remove(layout.controlSocket);
  }
  if (orUndefined(() => readFileSync(layout.pid, "utf8").trim()) === String(process.pid)) {
    for (const path of [layout.pid, layout.workers, layout.lock]) remove(path);
  }
}

/** As in a start, while a successor that has failed may have put its own there. */
export async function reclaimRunFiles(layout: Layout, noteError: NoteError): Promise<void> {
  const claims = [() => prepareToSeize(layout.lock), () => preparePid(layout)];
  for (const prepare of [...claims, () => prepareControlLink(layout)]) {
    await insist(async () => (await prepare())(), noteError);
  }
}

type NoteError = (error: unknown) => void;

export async function insist(run: () => Promise<void>, noteError: NoteError): Promise<void> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      noteError(error);
      await delay(PERSIST_MS);
    }
  }
}
