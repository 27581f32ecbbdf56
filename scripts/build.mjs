/**
 * Builds dist/ from src/:
 *   dist/cli, dist/index.mjs   the build machine's tool; npm dependencies stay imports
 *   dist/hot.{mjs,cjs}         the application API under plain Node
 *   dist/release/              what ships inside a release: bundled, no npm dependency left
 *
 * npm runs this each time somebody links to the project, also while its dist/ is in use: a build
 * that comes out the same leaves dist/ as it stands.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { version, dependencies, peerDependencies } = JSON.parse(
  readFileSync("package.json", "utf8"),
);
const define = { __TSUGI_VERSION__: JSON.stringify(version) };
const npm = Object.keys({ ...dependencies, ...peerDependencies }).map(
  (name) => new RegExp(`^${name}(/|$)`),
);

/** Texts of sh programs go where they are used: `program("take-lock.sh")`. */
const shellPrograms = {
  name: "shell-programs",
  transform(code, id) {
    if (!id.endsWith(".ts") || !code.includes('program("')) return null;
    const textOf = (_, name) => JSON.stringify(readFileSync(join(dirname(id), name), "utf8"));
    return code.replace(/\bprogram\("([\w-]+\.sh)"\)/g, textOf);
  },
};

async function bundle(input, output, { external = [], plugins = [], minify = false } = {}) {
  const present = Object.entries(input).filter(([, file]) => existsSync(file));
  if (present.length === 0) return;
  const build = await rolldown({
    input: Object.fromEntries(present),
    platform: "node",
    external: [/^node:/, ...external],
    plugins,
    transform: { define, target: "node20" },
  });
  await build.write({
    format: "esm",
    entryFileNames: output.format === "cjs" ? "[name].cjs" : "[name].mjs",
    chunkFileNames: "chunks/[name]-[hash].mjs",
    minify,
    ...output,
  });
  await build.close();
}

/** What ships in a release carries the errors of a host, not those of git, ssh and package managers. */
const hostErrors = {
  name: "host-errors",
  resolveId: (source, importer) =>
    source === "./errors/all.ts" ? resolve(importer, "../errors/shipped.ts") : null,
};

/** Every file below a folder with its mode and its bytes. */
function contentsOf(folder) {
  return readdirSync(folder, { recursive: true })
    .sort()
    .map((path) => [path, statSync(join(folder, path))])
    .filter(([, status]) => status.isFile())
    .map(([path, { mode }]) => [path, mode, readFileSync(join(folder, path), "base64")]);
}

/** `# @include <file>`: what both launchers begin with stands in them, since they may read no other file. */
function copyLauncher(source, target) {
  const include = (_line, name) => readFileSync(`src/control/${name}`, "utf8").trimEnd();
  writeFileSync(target, readFileSync(source, "utf8").replace(/^# @include (\S+)$/gm, include));
  chmodSync(target, 0o755);
}

const fresh = `dist.${process.pid}`;
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));
await bundle(
  { "cli/main": "src/cli/main.ts", index: "src/assemble/index.ts" },
  { dir: fresh, banner: (chunk) => (chunk.name === "cli/main" ? "#!/usr/bin/env node" : "") },
  { external: npm, plugins: [shellPrograms] },
);
// npm does this when it installs or links; a later build must not take it away again.
chmodSync(`${fresh}/cli/main.mjs`, 0o755);
await bundle({ hot: "src/hot/index.ts" }, { dir: fresh });
await bundle({ hot: "src/hot/index.ts" }, { dir: fresh, format: "cjs" });
await bundle(
  {
    control: "src/control/main.ts",
    supervisor: "src/runtime/supervisor/main.ts",
    worker: "src/runtime/worker/main.ts",
    appup: "src/runtime/appup/main.ts",
    output: "src/runtime/appup/output.ts",
    hot: "src/hot/index.ts",
  },
  { dir: `${fresh}/release` },
  { plugins: [hostErrors] },
);
const hotOfReleases = { dir: `${fresh}/release`, format: "cjs" };
await bundle({ hot: "src/hot/index.ts" }, hotOfReleases, { plugins: [hostErrors] });
cpSync("src/view/style.css", `${fresh}/view/style.css`);
cpSync("src/view/live.js", `${fresh}/view/live.js`);
copyLauncher("src/control/bin.sh", `${fresh}/release/bin.sh`);
for (const [part, source] of Object.entries({ host: "src/beam-host", build: "src/beam/erl" })) {
  cpSync(source, `${fresh}/beam/${part}`, { recursive: true });
}
copyLauncher("src/beam-host/bin.sh", `${fresh}/beam/host/bin.sh`);
// Its declarations are what an editor shows of `tsugi` and `tsugi/hot`.
const declarations = ["-p", "tsconfig.types.json", "--outDir", `${fresh}/types`];
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", ...declarations], {
  stdio: "inherit",
});

const isSame =
  existsSync("dist") && JSON.stringify(contentsOf("dist")) === JSON.stringify(contentsOf(fresh));
if (!isSame) {
  rmSync("dist", { recursive: true, force: true });
  renameSync(fresh, "dist");
}
