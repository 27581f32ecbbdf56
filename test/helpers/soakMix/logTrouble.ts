/** What happens to logs: none of it may cost a request, an upgrade or a stop anything. */
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";

export interface Trouble {
  spoil(path: string): void;
  mend(path: string): void;
  /** A file system can't be made read-only by anybody else. */
  asRoot?: true;
}

const aside = (path: string) => `${path}.aside`;
const takeBack = (path: string) => {
  rmSync(path, { recursive: true, force: true });
  renameSync(aside(path), path);
};

/** `path`: of `log/<app>.log`. */
export const LOG_TROUBLE: Record<string, Trouble> = {
  full: {
    spoil(path) {
      renameSync(path, aside(path));
      symlinkSync("/dev/full", path);
    },
    mend: takeBack,
  },
  removed: {
    spoil: (path) => rmSync(dirname(path), { recursive: true }),
    mend: () => {},
  },
  "a folder": {
    spoil(path) {
      renameSync(path, aside(path));
      mkdirSync(path);
    },
    mend: takeBack,
  },
  "read-only": {
    spoil(path) {
      const folder = dirname(path);
      execFileSync("mount", ["--bind", folder, folder]);
      execFileSync("mount", ["-o", "remount,ro,bind", folder]);
    },
    mend: (path) => execFileSync("umount", ["-l", dirname(path)]),
    asRoot: true,
  },
};

export const logTroubles = (): string[] =>
  Object.keys(LOG_TROUBLE).filter((name) => !LOG_TROUBLE[name]!.asRoot || process.getuid?.() === 0);
