/**
 * Finds, loads and checks `tsugi.config.{ts,mts,js,mjs,cjs,json}`. TypeScript is bundled by
 * rolldown, so that it loads on every Node; `import … from "tsugi"` needs no installed tsugi.
 */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { core } from "zod";
import { messageOf, TsugiError } from "../contract/errors.ts";
import type { Config } from "./schema.ts";

const NAMES = ["ts", "mts", "js", "mjs", "cjs", "json"].map((ending) => `tsugi.config.${ending}`);

type Issue = core.$ZodIssue;

export interface LoadedConfig {
  config: Config;
  /** Undefined where the project has none. */
  file: string | undefined;
}

/** @throws TSUGI_CONFIG_INVALID, TSUGI_CONFIG_UNREADABLE */
export async function loadConfig(folder: string, named?: string): Promise<LoadedConfig> {
  const name = named ?? NAMES.find((candidate) => existsSync(join(folder, candidate)));
  if (name === undefined) return { config: {}, file: undefined };
  const file = join(folder, name);
  if (!existsSync(file)) {
    throw new TsugiError("TSUGI_CONFIG_UNREADABLE", { file, problem: "there is no such file" });
  }
  const value = await evaluateFile(folder, file).catch((cause: unknown) => {
    throw new TsugiError("TSUGI_CONFIG_UNREADABLE", { file, problem: messageOf(cause) }, { cause });
  });
  return { config: await checkConfig(value, name), file };
}

/** The schema is loaded only where there is something to check: it is what takes longest to start. */
export async function checkConfig(value: unknown, where: string): Promise<Config> {
  const { configSchema } = await import("./schema.ts");
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;
  const problem = result.error.issues
    .flatMap(nearest)
    .map((issue) => `${issue.path.map(String).join(".") || "(top)"}: ${issue.message}`)
    .join("; ");
  throw new TsugiError("TSUGI_CONFIG_INVALID", { where, problem });
}

/** Of a choice between kinds of values, what is wrong with the one that was meant, where that is plain. */
function nearest(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const isOfThatKind = (issues: Issue[]) =>
    !issues.some(({ code, path }) => /^invalid_(type|union)$/.test(code) && path.length === 0);
  const [meant, ...others] = issue.errors.filter(isOfThatKind);
  if (meant === undefined || others.length > 0) return [issue];
  return meant.flatMap((one) => nearest({ ...one, path: [...issue.path, ...one.path] }));
}

/** What a file says, in JSON, JavaScript or TypeScript: its default export. */
export async function evaluateFile(folder: string, file: string): Promise<unknown> {
  if (file.endsWith(".json")) return JSON.parse(await readFile(file, "utf8"));
  const code = await bundleConfig(folder, file);
  // Beside the config, so that its own imports of packages resolve as it expects.
  const temporary = join(folder, `.tsugi.config.${process.pid}.${Date.now()}.mjs`);
  await writeFile(temporary, code);
  try {
    const module = (await import(pathToFileURL(temporary).href)) as { default?: unknown };
    if (module.default === undefined) throw new Error("it has no default export");
    return module.default;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function bundleConfig(folder: string, file: string): Promise<string> {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: file,
    cwd: folder,
    platform: "node",
    logLevel: "silent",
    external: (id) => id !== "tsugi" && !/^[./\0]/.test(id),
    plugins: [
      {
        name: "tsugi-itself",
        resolveId: (id) => (id === "tsugi" ? "\0tsugi" : null),
        load: (id) => (id === "\0tsugi" ? "export const defineConfig = (config) => config;" : null),
      },
    ],
  });
  try {
    const { output } = await build.generate({ format: "esm", codeSplitting: false });
    return output[0].code;
  } finally {
    await build.close();
  }
}
