/**
 * The package managers that a project may be installed with. To add one is to add a row: how its lock
 * file is known and read, and how exactly that is installed which it says.
 */
export interface Manager {
  lockFiles: readonly string[];
  /** The range of its own versions that read such a lock file. `lock` is the head of it. */
  versionsReading(lock: string): string;
  /** What a person types to install what the lock file says. */
  frozenCommand(lock: string): string;
  /** The same for a build, with development dependencies: it needs them, the release does not get them. */
  frozenArguments(lock: string, ask: Ask): Promise<string[]> | string[];
  /** Where npm has a version of it. */
  npmName(range: string, intersects: (range: string, other: string) => boolean): string;
}

/** What the manager prints, called with those arguments; undefined where it fails. */
export type Ask = (args: string[]) => Promise<string | undefined>;

/** Of Yarn 1; later ones write another format, and take other flags. */
const isClassic = (lock: string): boolean => !/^__metadata:/m.test(lock);

/** The first whose lock file is there is taken. */
export const MANAGERS = {
  pnpm: {
    lockFiles: ["pnpm-lock.yaml"],
    versionsReading(lock) {
      const format = Number(/^lockfileVersion:\s*'?([\d.]+)/m.exec(lock)?.[1] ?? 9);
      return format >= 9 ? ">=9 <11" : format >= 6 ? "8" : format > 5.3 ? "7" : "6";
    },
    frozenCommand: () => "pnpm install --frozen-lockfile",
    async frozenArguments(_, ask) {
      // Its store would come to lie beside the temporary folder if that is another file system.
      const store = await ask(["store", "path"]);
      const place = store === undefined ? [] : [`--store-dir=${store}`];
      return ["install", "--frozen-lockfile", "--prod=false", ...place];
    },
    npmName: () => "pnpm",
  },
  yarn: {
    lockFiles: ["yarn.lock"],
    versionsReading(lock) {
      const format = Number(/^__metadata:\s+version:\s*(\d+)/m.exec(lock)?.[1] ?? 0);
      return format >= 8 ? "4" : format >= 6 ? "3" : format > 0 ? "2" : "1";
    },
    frozenCommand: (lock) =>
      isClassic(lock) ? "yarn install --frozen-lockfile" : "yarn install --immutable",
    frozenArguments: (lock) =>
      isClassic(lock)
        ? ["install", "--frozen-lockfile", "--production=false", "--non-interactive"]
        : ["install", "--immutable"],
    // From 2 on it is published under another name.
    npmName: (range, intersects) => (intersects(range, "1") ? "yarn" : "@yarnpkg/cli-dist"),
  },
  npm: {
    lockFiles: ["package-lock.json", "npm-shrinkwrap.json"],
    versionsReading: () => "*",
    frozenCommand: () => "npm ci",
    frozenArguments: () => ["ci", "--include=dev", "--no-audit", "--no-fund"],
    npmName: () => "npm",
  },
} as const satisfies Record<string, Manager>;

export type ManagerName = keyof typeof MANAGERS;

export const isManager = (name: string): name is ManagerName => Object.hasOwn(MANAGERS, name);

export const managerOf = (name: ManagerName): Manager => MANAGERS[name];
