/**
 * A shape: what a project of some framework looks like, what of it is packed and how it starts. Each
 * is a file of its own beside this one and a row of `index.ts`; the guide "your framework" is made of
 * these rows. What the project says itself (configuration, a start script that names a file) wins.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PackedFile } from "../../pack/fileSet.ts";
import type { Project } from "../../pack/project.ts";
import type { StartScript } from "../start/startScript.ts";

export type PackagesMode = "all" | "traced" | "none";

export interface Unfit {
  problem: string;
  todo: string;
}

export interface Fit {
  /** How it starts, where nothing else says it. */
  start?: {
    candidates: string[];
    args?: string[];
    /** Goes before the start script's own words, which can't work here. */
    always?: boolean;
  };
  /** The folders that its build writes, packed whatever .gitignore says. */
  outputs: string[];
  /** Nothing else of the project is needed. */
  onlyOutputs?: boolean;
  /** Below the outputs: what nothing reads when it runs. */
  isIdle?: (path: string) => boolean;
  packages?: PackagesMode;
  /** What the framework itself writes beside its code. */
  shared?: string[];
  /** Files that the framework wants elsewhere than its build leaves them. */
  placed?: (folder: string, entry: string) => PackedFile[];
  /** Why it makes no server as it is, and what to do. */
  unfit?: Unfit;
  /** The same, where no start script and no source of a server is there either. */
  withoutServer?: Unfit;
}

export interface Shape {
  name: string;
  /** Of the guide: what it is known by, what is packed, how it starts. */
  known: string;
  packs: string;
  starts: string;
  /** The version that a starter's project had when it was last released, started and asked. */
  tried?: string;
  recognise(facts: ShapeFacts): Fit | undefined;
}

export class ShapeFacts {
  readonly project: Project;
  readonly start: StartScript | undefined;

  constructor(project: Project, start: StartScript | undefined) {
    this.project = project;
    this.start = start;
  }

  declares(...names: string[]): boolean {
    const { dependencies, devDependencies, optionalDependencies } = this.project.packageJson;
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
    return names.some((name) => name in all);
  }

  /** The text of the first of `<name>.{ts,js,mjs,…}` that is there; "" without. */
  config(...names: string[]): string {
    for (const name of names) {
      for (const ending of ["ts", "js", "mjs", "cjs", "mts", "cts", "json"]) {
        const file = join(this.project.folder, `${name}.${ending}`);
        if (existsSync(file)) return readFileSync(file, "utf8");
      }
    }
    return "";
  }

  /** `key: "value"` in a configuration's text. */
  setting(text: string, key: string): string | undefined {
    return new RegExp(`\\b${key}\\s*:\\s*["'\`]([^"'\`]+)["'\`]`).exec(withoutComments(text))?.[1];
  }

  /** The start script names a file that node runs. */
  get startsFile(): boolean {
    return this.start?.entry !== undefined;
  }
}

const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
