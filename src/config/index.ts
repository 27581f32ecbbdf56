/** What `import … from "tsugi"` gives: the configuration's types and `defineConfig`. */
import type { Config } from "./schema.ts";

export type { AppupFunction } from "./appupSchema.ts";
export type { DeployHook, DeployMoment } from "./environmentSchema.ts";
export type { Config } from "./schema.ts";

/** Does nothing but type its argument: `export default defineConfig({ … })`. */
export const defineConfig = (config: Config): Config => config;
