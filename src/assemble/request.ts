/** What the build was told to make of the project. */
import type { Surroundings } from "../pack/commands.ts";
import type { Project } from "../pack/project.ts";
import type { AppupDecision } from "./appup.ts";
import type { BuildMode } from "./entry.ts";
import type { Recognised } from "./shapes/index.ts";

export interface ProcessDecision {
  name: string;
  /** Of these, the first that is there once the build script has run. */
  candidates: string[];
  workers: number | "max";
  overlap: boolean;
  args?: string[];
  env?: Record<string, string>;
}

export interface ApplicationRequest {
  project: Project;
  mode: BuildMode;
  processes: ProcessDecision[];
  shape?: Recognised | undefined;
  /** The mode is a guess: a TypeScript entry is compiled after the build script, too. */
  isGuessed?: boolean;
  /** What compiles its sources as it goes, by the start script. */
  loader?: string | undefined;
  /** By which it is compiled, where it is not the nearest tsconfig.json. */
  tsconfig?: string | undefined;
  /** Own files that node preloads. */
  preloads: string[];
  /** Globs; undefined: guessed. */
  files: string[] | undefined;
  /** Lives in var/, whatever of it lies in the project. */
  shared: string[];
  /** With bundle: what stays a package. */
  external: string[];
  /** Of a clean build: how the build script is run. */
  surroundings?: Surroundings | undefined;
  appup?: AppupDecision | undefined;
  /** Of tsugi.config.*, relative to the project; where there is one. */
  configFile?: string | undefined;
}
