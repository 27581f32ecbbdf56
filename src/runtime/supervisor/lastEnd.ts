/** `run/last-end`: what `status` says when nothing runs any more. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { ErrorJson } from "../../contract/errors.ts";
import { isoNow } from "../../platform/clock.ts";
import type { LastEnd } from "../../protocol/documents.ts";
import type { Layout } from "../../release/layout.ts";

/** Of the application's output it has what may be private. A full disk must not keep us from ending. */
export function recordEnd(
  { lastEnd }: Layout,
  version: string,
  { code, message }: Pick<ErrorJson, "code" | "message">,
  lastWords: string[],
): void {
  const end: LastEnd = { at: isoNow(), version, code, message, lastWords };
  const temporary = `${lastEnd}.${process.pid}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(end)}\n`, { mode: 0o600 });
    renameSync(temporary, lastEnd);
  } catch {
    rmSync(temporary, { force: true });
  }
}

export function forgetEnd({ lastEnd }: Layout): void {
  rmSync(lastEnd, { force: true });
}
