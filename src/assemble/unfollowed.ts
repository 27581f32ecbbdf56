/** What the code names in a way that no build can follow: told by file and line, so that nobody misses it on a host. */
import type { PackedFile } from "../pack/fileSet.ts";
import type { BuildReport } from "../pack/report.ts";

export interface Unfollowed {
  /** `src/mail.ts:12` */
  at: string;
  /** The expression, as it is written. */
  code: string;
  /** What is there of it, relative to the project. */
  path?: string;
}

const WIDEST = 76;

/** What is packed all the same, or lives in var/, is no loss. */
export function tellUnfollowed(
  all: Iterable<Unfollowed>,
  files: ReadonlyMap<string, PackedFile>,
  report: BuildReport,
): void {
  const packed = [...files.keys()];
  const isPacked = (path: string) =>
    packed.some((file) => file === path || file.startsWith(`${path}/`));
  const lost = [...all].filter(({ path }) => path === undefined || !isPacked(path));
  if (lost.length === 0) return;
  const width = Math.max(...lost.map(({ at }) => at.length));
  const lines = lost.map(({ at, code }) => {
    const line = `    ${at.padEnd(width)}  ${code.replace(/\s+/g, " ")}`;
    return line.length > WIDEST ? `${line.slice(0, WIDEST - 1)}…` : line;
  });
  report.warn(
    `Not packed, since only a run can tell what it means. What is read goes into\n  files, what is written into shared, in tsugi.config.ts:\n${lines.join("\n")}`,
  );
}
