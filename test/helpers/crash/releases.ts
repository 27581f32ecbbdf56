/** The releases of the sweep, built by the real `tsugi release` when they are first asked for. */
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuiltRelease, buildVariant } from "../fixtureReleases.ts";

interface Kind {
  version: string;
  /** The second shape of the state: every upgrade migrates. */
  migrates?: boolean;
  node?: string;
  /** Appended to src/state.ts. */
  code?: string;
  /** Its tsugi.config.json. */
  config?: object;
}

/** Something runs before and after an upgrade. */
const HOOKS = { appup: { before: [["node", "-e", ""]], after: [["node", "-e", ""]] } };
/** Beside the server, something that must not run twice. */
const ALONE = {
  processes: {
    main: { entry: "src/server.ts" },
    clock: { entry: "src/clock.ts", overlap: false },
  },
};

const ACCEPTS = "\nhot.accept();\n";
/** Not in the throwaway process in which the migration is rehearsed, where it would be refused. */
const FAILS_TO_MIGRATE = `
const migrate = Map.prototype.set;
Map.prototype.set = function (key, value) {
  if (key === "life" && !hot.release?.rehearsal) throw new Error("the migration fails on purpose");
  return migrate.call(this, key, value);
};
`;

export const KINDS = {
  ancient: { version: "0.9.0" },
  old: { version: "1.0.0" },
  new: { version: "1.1.0", migrates: true, config: HOOKS },
  oldAccepts: { version: "1.0.0", code: ACCEPTS },
  newAccepts: { version: "1.1.0", migrates: true, code: ACCEPTS },
  oldAlone: { version: "1.0.0", config: ALONE },
  newAlone: { version: "1.1.0", migrates: true, config: ALONE },
  otherNode: { version: "1.2.0", migrates: true, node: "22.23.0" },
  unhealthy: { version: "1.3.0", migrates: true, code: "\nhot.health(() => false);\n" },
  unloadable: { version: "1.5.0", code: '\nthrow new Error("it does not load, on purpose");\n' },
  unmigratable: { version: "1.4.0", migrates: true, code: FAILS_TO_MIGRATE },
} satisfies Record<string, Kind>;

export type ReleaseKey = keyof typeof KINDS;

export class Releases {
  readonly #folder: string;
  readonly #built = new Map<ReleaseKey, Promise<BuiltRelease>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get(key: ReleaseKey): Promise<BuiltRelease> {
    const built = this.#built.get(key) ?? this.#build(key);
    this.#built.set(key, built);
    return built;
  }

  #build(key: ReleaseKey): Promise<BuiltRelease> {
    const { version, migrates, node, code, config }: Kind = KINDS[key];
    return buildVariant(join(this.#folder, key), {
      fixture: "crash-1.0.0",
      version,
      ...(node ? { node } : {}),
      prepare: (project) => {
        const state = join(project, "src/state.ts");
        if (migrates) renameSync(join(project, "src/state.v2.ts"), state);
        if (code) appendFileSync(state, code);
        if (config) writeFileSync(join(project, "tsugi.config.json"), JSON.stringify(config));
      },
    });
  }
}
