/** What the compiled file does when Node runs it: the same as the sources did in the project. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { buildApplication } from "../../../src/assemble/application.ts";
import { collectPackages } from "../../../src/assemble/packages.ts";
import { readSource } from "../../../src/pack/fileSet.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("compile");
after(remove);
let count = 0;

/** Compiles the project, writes what would be packed elsewhere, and runs the entry there. */
async function compileAndRun(
  files: Record<string, unknown>,
  {
    mode = "compile",
    at = ".",
    entry = "src/main.ts",
    env = undefined as NodeJS.ProcessEnv | undefined,
    prepare = (_: string) => {},
    fails = false,
    tsconfig = undefined as string | undefined,
  } = {},
) {
  const folder = join(base, `project-${++count}`);
  writeFiles(folder, {
    "package.json": { name: "app", version: "1.0.0", type: "module" },
    ...files,
  });
  prepare(folder);
  const project = readProject(join(folder, at));
  const said: string[] = [];
  const application = await buildApplication(
    {
      project,
      mode: mode as "compile" | "bundle",
      processes: [{ name: "main", candidates: [entry], workers: 1, overlap: true }],
      preloads: [],
      files: undefined,
      external: [],
      shared: [],
      tsconfig,
    },
    {
      ...silentLog,
      guess: (...words) => said.push(words.join(" ")),
      warn: (text) => said.push(text),
    },
  );
  const packages = collectPackages(project, application.needed, silentLog);
  const target = join(base, `app-${count}`);
  for (const { path, source } of [...application.files, ...packages.files]) {
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    if ("link" in source) symlinkSync(source.link, file);
    else writeFiles(target, { [path]: Buffer.from(readSource(source)).toString("utf8") });
  }
  // Nothing may be found in the project any more.
  rmSync(folder, { recursive: true });
  const main = join(target, application.processes[0]!.entry);
  const { stdout, stderr } = spawnSync(process.execPath, ["--enable-source-maps", main], {
    encoding: "utf8",
    ...(env === undefined ? {} : { env }),
  });
  assert.equal(stderr !== "", fails, stderr);
  return {
    out: stdout.trim(),
    target,
    files: application.files.map(({ path }) => path).sort(),
    said: said.join("\n"),
  };
}

const commonJs = { "package.json": { name: "app", version: "1.0.0" } };

describe("compiled code", () => {
  test("import of CommonJS packages from CommonJS TypeScript means what require means", async () => {
    const { out } = await compileAndRun({
      "package.json": {
        ...commonJs["package.json"],
        dependencies: { hidden: "1", both: "1", esm: "1" },
      },
      // Named exports that Node's own import cannot see.
      "node_modules/hidden/package.json": { name: "hidden", version: "1.0.0", main: "index.js" },
      "node_modules/hidden/index.js":
        "module.exports = Object.assign(() => 0, { ['si' + 'gn']: () => 'signed' });",
      // A default export as TypeScript and Babel write it.
      "node_modules/both/package.json": { name: "both", version: "1.0.0", main: "index.js" },
      "node_modules/both/index.js":
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'the default';",
      "node_modules/esm/package.json": {
        name: "esm",
        version: "1.0.0",
        type: "module",
        exports: "./index.js",
      },
      "node_modules/esm/index.js": "export const word = 'native'; await 0;",
      "src/main.ts": `import { sign } from "hidden";
        import both from "both";
        import { word } from "esm";
        import { basename } from "path";
        console.log(sign(), both, word, basename("/a/b"));`,
    });
    assert.equal(out, "signed the default native b");
  });

  test("a subpath without its ending is found, where the package has no exports", async () => {
    const { out } = await compileAndRun({
      "package.json": { name: "app", version: "1.0.0", type: "module", dependencies: { lib: "1" } },
      "node_modules/lib/package.json": { name: "lib", version: "1.0.0" },
      "node_modules/lib/fp.js": "module.exports = 'fp';",
      "node_modules/lib/sub/index.js": "module.exports = 'sub';",
      "src/main.ts": 'import fp from "lib/fp"; import sub from "lib/sub"; console.log(fp, sub);',
    });
    assert.equal(out, "fp sub");
  });

  test("paths of tsconfig that look like packages, and #imports", async () => {
    const { out } = await compileAndRun({
      "package.json": {
        name: "app",
        version: "1.0.0",
        type: "module",
        imports: { "#own/*": "./src/own/*" },
      },
      "tsconfig.json": {
        compilerOptions: { paths: { "lib/*": ["./src/lib/*"], "~/*": ["./src/*"] } },
      },
      "src/lib/a.ts": "export const a = 1;",
      "src/own/b.ts": "export const b: number = 2;",
      "src/c.ts": "export const c: number = 3;",
      "src/main.ts":
        'import { a } from "lib/a"; import { b } from "#own/b.ts"; import { c } from "~/c"; console.log(a, b, c);',
    });
    assert.equal(out, "1 2 3");
  });

  test("every way to ask where a module is", async () => {
    const { out, target } = await compileAndRun({
      ...commonJs,
      "src/main.ts": `import { places } from "./deep/er/places";
        import { own } from "./own-names";
        console.log(JSON.stringify([__dirname, __filename, ...places, require.main === module, own]));`,
      "src/deep/er/places.ts": `const { __dirname: shadow } = { __dirname: "mine" };
        export const places = [__dirname, __filename, { __dirname }, shadow, require.main === module];`,
      "src/own-names.ts": 'const __dirname = "declared here"; export const own = __dirname;',
    });
    const deep = join(target, "src/deep/er");
    assert.deepEqual(JSON.parse(out), [
      join(target, "src"),
      join(target, "src/main.mjs"),
      deep,
      join(deep, "places.ts"),
      { __dirname: deep },
      "mine",
      false,
      true,
      "declared here",
    ]);
  });

  test("import.meta of a module that is not the entry", async () => {
    const { out, target } = await compileAndRun({
      "src/main.ts": 'import { meta } from "./deep/meta.ts"; console.log(JSON.stringify(meta));',
      "src/deep/meta.ts":
        "const { dirname, filename, url, main } = { ...import.meta, dirname: import.meta.dirname, filename: import.meta.filename, url: import.meta.url, main: import.meta.main }; export const meta = [dirname, filename, url, main];",
    });
    const file = join(target, "src/deep/meta.ts");
    assert.deepEqual(JSON.parse(out), [dirname(file), file, `file://${file}`, false]);
  });

  test("files that the code names by their place are packed", async () => {
    const { out, files } = await compileAndRun({
      "src/main.ts": `import { readFileSync, readdirSync } from "node:fs";
        import path from "node:path";
        const words = readFileSync(new URL("./data/words.txt", import.meta.url), "utf8");
        const more = readdirSync(path.join(import.meta.dirname, "..", "more"));
        const last = readFileSync(\`\${import.meta.dirname}/last.txt\`, "utf8");
        console.log(words, more.join(), last);`,
      "src/data/words.txt": "words",
      "src/data/other.txt": "not named",
      "src/last.txt": "last",
      "more/a": "",
      "more/b": "",
    });
    assert.equal(out, "words a,b last");
    assert.ok(!files.includes("src/data/other.txt"));
  });

  test("a place by a constant, and the folder of what is not known of a path", async () => {
    const { out } = await compileAndRun({
      "src/main.ts": `import { late } from "./deep/late.ts"; console.log(late("de"));`,
      "src/deep/late.ts": `import { readFileSync } from "node:fs";
        import { dirname, join } from "node:path";
        import { fileURLToPath } from "node:url";
        const here = dirname(fileURLToPath(import.meta.url));
        const words = join(here, "words");
        const url = new URL("./last.txt", import.meta.url);
        export const late = (name: string) => readFileSync(join(words, \`\${name}.txt\`), "utf8") +
          readFileSync(join(here, "../text/first.txt"), "utf8") + readFileSync(fileURLToPath(url), "utf8");`,
      "src/deep/words/de.txt": "eins",
      "src/deep/last.txt": " drei",
      "src/text/first.txt": " zwei",
    });
    assert.equal(out, "eins zwei drei");
  });

  test("an import by a pattern has all modules that it may mean, and they stay lazy", async () => {
    const { out, said } = await compileAndRun({
      "src/main.ts": `const load = (name: string) => import(\`./plugins/\${name}.ts\`);
        const parts = (name: string) => import("./parts/" + name);
        console.log((await load("b")).default, (await parts("one")).one);
        console.log(await load("c").catch(({ code, message }) => code + ": " + message));`,
      "src/plugins/a.ts": 'console.log("never"); export default "a";',
      "src/plugins/b.ts": 'import { word } from "../word.ts"; export default word;',
      "src/plugins/b.test.ts": 'throw new Error("no plugin");',
      "src/word.ts": 'export const word: string = "b";',
      "src/parts/one.ts": "export const one = 1;",
    });
    assert.equal(
      out,
      "b 1\nERR_MODULE_NOT_FOUND: Cannot find module './plugins/c.ts'; at the build there were ./plugins/a.ts, ./plugins/b.ts",
    );
    assert.match(said, /import\s+\.\/plugins\/a\.ts, \.\/plugins\/b\.ts src\/main\.ts:1/);
  });

  test("a require by a pattern has all modules that it may mean, of strings and of paths", async () => {
    const { out, said } = await compileAndRun({
      "package.json": { name: "app", version: "1.0.0" },
      "src/main.ts": `import { readdirSync } from "node:fs";
        import { join } from "node:path";
        const part = (name: string) => require("./parts/" + name).one;
        for (const file of readdirSync(join(__dirname, "routes")))
          console.log(part("one"), require(join(__dirname, "routes", file)).default);
        const given = process.env.NOWHERE ?? "./nowhere";
        try { require(given); } catch (error) { console.log((error as { code: string }).code); }`,
      "src/routes/a.ts": 'import { word } from "../word"; export default word;',
      "src/word.ts": 'export const word: string = "a";',
      "src/parts/one.ts": "export const one: number = 1;",
    });
    assert.equal(out, "1 a\nMODULE_NOT_FOUND");
    assert.match(said, /import\s+\.\/routes\/a\.ts src\/main\.ts:5/);
    assert.match(said, /src\/main\.ts:7 {2}require\(given\)/);
  });

  test("workers and processes are compiled, however their place is said", async () => {
    const says = (word: string) => `enum Word { said = "${word}" }\nconsole.log(Word.said);\n`;
    const { out, files } = await compileAndRun({
      "src/main.ts": `import { fork } from "node:child_process";
        import { once } from "node:events";
        import { dirname, join } from "node:path";
        import { fileURLToPath } from "node:url";
        import { Worker } from "node:worker_threads";
        const here = dirname(fileURLToPath(import.meta.url));
        process.chdir(join(here, ".."));
        const started = [
          () => fork(new URL("./a.ts", import.meta.url)),
          () => fork(fileURLToPath(new URL("./b.ts", import.meta.url))),
          () => fork(join(here, "c.ts")),
          () => fork(\`\${import.meta.dirname}/d.js\`),
          () => new Worker(new URL("./e.js", import.meta.url)),
          () => new Worker("./src/f.ts"),
        ];
        for (const start of started) await once(start(), "exit");`,
      ...Object.fromEntries([..."abcdef"].map((word) => [`src/${word}.ts`, says(word)])),
    });
    assert.equal(out, "a\nb\nc\nd\ne\nf");
    for (const word of "abcdef") assert.ok(files.includes(`src/${word}.mjs`), word);
  });

  test("what is started compiled is started without the loader of its sources", async () => {
    const { out } = await compileAndRun({
      "src/main.ts": `import { fork } from "node:child_process";
        import { once } from "node:events";
        import { join } from "node:path";
        import { Worker } from "node:worker_threads";
        process.chdir(join(import.meta.dirname, ".."));
        const file = new URL("./a.ts", import.meta.url);
        const started = [
          () => new Worker(file, { execArgv: ["--import", "tsx", "--no-warnings"] }),
          () => new Worker(new URL("./a.ts", import.meta.url), { execArgv: ["--import=tsx/esm"] }),
          () => fork("src/a.ts", [], { execArgv: ["-r", "ts-node/register"] }),
        ];
        for (const start of started) await once(start(), "exit");`,
      "src/a.ts": "console.log(process.execArgv as string[]);\n",
    });
    assert.equal(out, "[ '--no-warnings' ]\n[]\n[]");
  });

  test("what globs match is packed: of the module's own place, of the working directory", async () => {
    const { out, files, said } = await compileAndRun({
      "src/main.ts": `import { join } from "node:path";
        const all = [
          import.meta.dirname + "/**/*.entity{.ts,.js}",
          join(import.meta.dirname, "..", "types", "*.graphql"),
          "./mail/**/*.mjml",
          "none/**/*.txt",
        ];
        console.log(all.length);`,
      "src/user/user.entity.ts":
        'import { a } from "./part.ts";\nexport class User { @a id = a; }\n',
      "src/user/part.ts": "export const a = (..._: unknown[]) => {};\n",
      "src/user/other.ts": "",
      "types/a.graphql": "",
      "types/a.txt": "",
      "mail/en/hello.mjml": "",
    });
    assert.equal(out, "4");
    const read = [
      "src/user/user.entity.ts",
      "src/user/part.ts",
      "types/a.graphql",
      "mail/en/hello.mjml",
    ];
    for (const path of read) assert.ok(files.includes(path), path);
    assert.ok(!files.includes("types/a.txt") && !files.includes("src/user/other.ts"));
    assert.match(said, /files src\/\*\*\/\*\.entity\{\.ts,\.js\} the code names it/);
    assert.match(said, /user\.entity\.ts \(decorators\)\. Give the project a build script/);
  });

  test("a folder of modules that is read and imported by path", async () => {
    const { out } = await compileAndRun({
      "src/main.ts": `import { readdirSync } from "node:fs";
        import { dirname, join } from "node:path";
        import { fileURLToPath, pathToFileURL } from "node:url";
        const here = dirname(fileURLToPath(import.meta.url));
        for (const file of readdirSync(join(here, "routes")))
          console.log((await import(pathToFileURL(join(here, "routes", file)).href)).default);`,
      "src/routes/a.ts": 'import { count } from "../word.ts"; export default "a" + count();',
      "src/routes/b.ts": 'import { count } from "../word.ts"; export default "b" + count();',
      "src/word.ts": "let times = 0; export const count = (): number => ++times;",
    });
    assert.equal(out, "a1\nb2");
  });

  test("JSX is taken in JavaScript of any ending", async () => {
    const { out } = await compileAndRun(
      {
        "src/main.js":
          '/** @jsxRuntime classic */\n/** @jsx h */\nimport { h } from "./h.mjs";\nimport { b } from "./b.jsx";\nconsole.log(<i>one</i>, b);',
        "src/h.mjs": "export const h = (type, props, ...inner) => type + inner;",
        "src/b.jsx":
          '/** @jsxRuntime classic */\n/** @jsx h */\nimport { h } from "./h.mjs";\nexport const b = <b>two</b>;',
      },
      { entry: "src/main.js" },
    );
    assert.equal(out, "ione btwo");
  });

  test("what a createRequire loads from beside itself is packed as it is", async () => {
    const { out } = await compileAndRun({
      "src/main.ts": 'import { word } from "./lib/word.ts"; console.log(word);',
      "src/lib/word.ts": `import { createRequire } from "node:module";
        const require = createRequire(import.meta.url);
        export const word: string = require("../data.json").word + require("./old.cjs");`,
      "src/data.json": { word: "data " },
      "src/lib/old.cjs": 'module.exports = require("./older.cjs");',
      "src/lib/older.cjs": 'module.exports = "old";',
    });
    assert.equal(out, "data old");
  });

  test("what no build can follow is listed by file and line, unless it is packed", async () => {
    const { said } = await compileAndRun({
      "src/main.ts": `import { join, resolve } from "node:path";
        const name = process.env.NAME ?? "x";
        export const load = () => import(name);
        export const mail = join(process.cwd(), "mail", "a.html");
        export const page = join(process.cwd(), "views", "a.html");
        export const made = join(process.cwd(), "made-when-it-runs");
        export const any = resolve(import.meta.dirname, name);`,
      "mail/a.html": "",
      "views/a.html": "",
    });
    assert.deepEqual(
      said.split("\n").filter((line) => /^ +src/.test(line)),
      [
        "    src/main.ts:3  import(name)",
        '    src/main.ts:4  join(process.cwd(), "mail", "a.html")',
        "    src/main.ts:7  resolve(import.meta.dirname, name)",
      ],
    );
  });

  test("a sibling of the workspace that is TypeScript is compiled in, with what it needs", async () => {
    const { out, target } = await compileAndRun(
      {
        "apps/api/package.json": {
          name: "api",
          version: "1.0.0",
          type: "module",
          dependencies: { "@org/shared": "workspace:*" },
        },
        "apps/api/src/main.ts": 'import { shared } from "@org/shared"; console.log(shared);',
        "libs/shared/package.json": {
          name: "@org/shared",
          version: "1.0.0",
          type: "module",
          exports: "./src/index.ts",
          dependencies: { dep: "1" },
        },
        "libs/shared/src/index.ts":
          'import dep from "dep"; export const shared: string = "shared " + dep;',
        "node_modules/dep/package.json": { name: "dep", version: "1.0.0" },
        "node_modules/dep/index.js": "module.exports = 'dep';",
      },
      {
        at: "apps/api",
        prepare: (folder) => {
          mkdirSync(join(folder, "node_modules/@org"), { recursive: true });
          symlinkSync("../../libs/shared", join(folder, "node_modules/@org/shared"));
        },
      },
    );
    assert.equal(out, "shared dep");
    assert.ok(!existsSync(join(target, "node_modules/@org")));
    assert.ok(existsSync(join(target, "node_modules/dep")));
  });

  test("decorators as tsconfig says, classes keep their names", async () => {
    const { out } = await compileAndRun({
      "tsconfig.json": {
        compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true },
      },
      "src/main.ts": `import { Thing as A } from "./a.ts"; import { Thing as B } from "./b.ts";
        console.log(A.name, B.name, (globalThis as any).seen.join());`,
      "src/a.ts": "export class Thing {}",
      "src/b.ts": `(Reflect as any).metadata = (key: string, value: any) => () => {
          ((globalThis as any).seen ??= []).push(key + "=" + value.map((type: any) => type.name));
        };
        const mark = (_: any) => {};
        @mark export class Thing { constructor(_when: Date, _n: number) {} }`,
    });
    assert.equal(out, "Thing Thing design:paramtypes=Date,Number");
  });

  test("with the addons of the project's own binding.gyp, whatever .gitignore says", async () => {
    const { files } = await compileAndRun({
      ...{ "binding.gyp": "{}", ".gitignore": "build\n" },
      "src/main.ts": "console.log(1);",
      "build/Release/fast.node": "made by node-gyp",
      "build/Release/obj.target/fast.node": "on the way to it",
      "build/config.gypi": "names folders of this machine",
    });
    const made = files.filter((path) => path.startsWith("build"));
    assert.deepEqual(made, ["build/Release/fast.node"]);
  });

  test("by the tsconfig that the start script names", async () => {
    const files = {
      "tsconfig.json": { compilerOptions: { jsx: "preserve" } },
      "tsconfig.server.json": {
        extends: "./tsconfig.json",
        compilerOptions: { experimentalDecorators: true, paths: { "@/*": ["./src/*"] } },
      },
      "src/main.ts": `import { Thing } from "@/thing"; console.log((Thing as any).seen);`,
      "src/thing.ts":
        'const mark = (target: any) => { target.seen = "seen"; }; @mark export class Thing {}',
    };
    const { out } = await compileAndRun(files, { tsconfig: "tsconfig.server.json" });
    assert.equal(out, "seen");
  });

  test("CommonJS modules in a circle: a decorator finds a type that is not there yet undefined", async () => {
    const entity = (name: string, other: string) => `import { ${other} } from "./${other}";
      const mark = (..._: any[]) => {};
      @mark export class ${name} { @mark other!: ${other}; static get its() { return ${other}.name; } }`;
    const { out } = await compileAndRun({
      ...commonJs,
      "tsconfig.json": {
        compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true },
      },
      "src/main.ts": `import "./metadata"; import { User } from "./User"; import { Post } from "./Post";
        console.log(User.its, Post.its, (globalThis as any).seen.join());`,
      "src/metadata.ts":
        "(Reflect as any).metadata = (_: string, type: any) => () => { ((globalThis as any).seen ??= []).push(type.name); };",
      "src/User.ts": entity("User", "Post"),
      "src/Post.ts": entity("Post", "User"),
    });
    assert.equal(out, "Post User Object,Post");
  });

  test("an import that nothing resolves is told, with where an alias may stand", async () => {
    const files = {
      "src/main.js": `import { name } from "~/name";
        try { require("not-here"); } catch {}
        console.log(name);`,
      "src/name.js": 'export const name = "its name";',
    };
    const entry = "src/main.js";
    const { said } = await compileAndRun({ ...commonJs, ...files }, { entry, fails: true });
    assert.match(said, /src\/main\.js imports "~\/name".*\{ allowJs: true, paths: /);
    assert.doesNotMatch(said, /not-here/);
    const told = { compilerOptions: { allowJs: true, paths: { "~/*": ["./src/*"] } } };
    const with_ = await compileAndRun({ ...commonJs, ...files, "tsconfig.json": told }, { entry });
    assert.equal(with_.out, "its name");
    assert.equal(with_.said, "");
  });

  test("nothing of the build's environment is written into it", async () => {
    const { out } = await compileAndRun(
      { "src/main.ts": "console.log(process.env.NODE_ENV, process.env.HOME === undefined);" },
      { env: { NODE_ENV: "on the host" } },
    );
    assert.equal(out, "on the host true");
  });

  test("dynamic imports stay lazy, and packages in them packages", async () => {
    const { out } = await compileAndRun({
      "package.json": { name: "app", version: "1.0.0", type: "module", dependencies: { dep: "1" } },
      "node_modules/dep/package.json": { name: "dep", version: "1.0.0" },
      "node_modules/dep/index.js": "module.exports = 'dep';",
      "src/main.ts": `console.log("first");
        const { late } = await import("./late.ts");
        const { default: dep } = await import("dep");
        console.log(late, dep);`,
      "src/late.ts": 'console.log("second"); export const late = "late";',
    });
    assert.equal(out, "first\nsecond\nlate dep");
  });

  test("a bundle leaves outside what uses files beside itself, and what no import names", async () => {
    const engine = "engine";
    const { out, target } = await compileAndRun(
      {
        "package.json": {
          name: "app",
          version: "1.0.0",
          type: "module",
          dependencies: { plain: "1", [engine]: "1" },
        },
        "node_modules/plain/package.json": {
          name: "plain",
          version: "1.0.0",
          dependencies: { placed: "1" },
        },
        "node_modules/plain/index.js":
          "module.exports = (name) => [require('placed'), require(name)];",
        "node_modules/placed/package.json": { name: "placed", version: "1.0.0" },
        "node_modules/placed/index.js":
          "module.exports = require('fs').readFileSync(require('path').join(__dirname, 'data.txt'), 'utf8');",
        "node_modules/placed/data.txt": "beside",
        "node_modules/engine/package.json": { name: engine, version: "1.0.0" },
        "node_modules/engine/index.js": "module.exports = 'by name';",
        "src/main.ts": 'import plain from "plain"; console.log(plain("engine").join());',
      },
      { mode: "bundle" },
    );
    assert.equal(out, "beside,by name");
    assert.ok(!existsSync(join(target, "node_modules/plain")));
  });

  test("a bundle leaves native packages outside by itself", async () => {
    const { out, target } = await compileAndRun(
      {
        "package.json": {
          name: "app",
          version: "1.0.0",
          type: "module",
          dependencies: { native: "1", plain: "1" },
        },
        "node_modules/native/package.json": { name: "native", version: "1.0.0" },
        "node_modules/native/binding.gyp": "{}",
        "node_modules/native/index.js":
          "module.exports = require('node:path').basename(__dirname);",
        "node_modules/plain/package.json": { name: "plain", version: "1.0.0" },
        "node_modules/plain/index.js": "exports.plain = require('./more.json').more;",
        "node_modules/plain/more.json": '{"more":"inlined"}',
        "src/main.ts":
          'import native from "native"; import { plain } from "plain"; console.log(native, plain);',
      },
      { mode: "bundle" },
    );
    assert.equal(out, "native inlined");
    assert.ok(!existsSync(join(target, "node_modules/plain")));
  });
});
