/** Six of the world's shapes, as small as they can be: what `npm test` leads through a life. Nothing is fetched for them. */
import { join } from "node:path";
import { projectRoot } from "../example.ts";
import type { WorldProject } from "./project.ts";

const packageJson = (name: string, rest: object) => ({
  ...{ name, version: "1.0.0", private: true },
  ...rest,
});
const linked = (modules: string) => ["ln", "-s", modules, "node_modules"];
const small = (rest: Omit<WorldProject, "by" | "version">): WorldProject => ({
  ...{ by: "a small project", version: "", install: [] },
  ...rest,
});
const HELLO = { from: "Hello small", to: "Hello again" };
const API = 'response.setHeader("content-type", "application/json").end(JSON.stringify({ ok: 1 }))';

export const SMALL: Record<string, WorldProject> = {
  "tsc as tsc --init leaves it": small({
    files: {
      "package.json": packageJson("small-tsc", {
        type: "module",
        scripts: { build: "tsc", start: "node dist/server.js" },
      }),
      "tsconfig.json": {
        compilerOptions: {
          module: "nodenext",
          outDir: "./dist",
          rootDir: "./src",
          types: ["node"],
        },
      },
      "public/a.txt": "a static file\n",
      "src/server.ts": `import { readFileSync } from "node:fs";
import { createServer } from "node:http";
const word: string = "Hello small";
createServer((request, response) => {
  if (request.url === "/api") return void ${API};
  response.end(request.url === "/a.txt" ? readFileSync("public/a.txt") : word);
}).listen(process.env.PORT);
`,
    },
    install: linked(join(projectRoot, "node_modules")),
    asset: "/a.txt",
    api: "/api",
    change: { file: "src/server.ts", ...HELLO },
  }),
  "TypeScript in CommonJS, started by tsx": small({
    files: {
      "package.json": packageJson("small-tsx", {
        scripts: { start: "cross-env NODE_ENV=production tsx src/server" },
      }),
      "public/a.txt": "a static file\n",
      "src/routes/home.ts":
        'export const path = "/";\nexport const word: string = "Hello small";\n',
      "src/routes/api.ts": 'export const path = "/api";\nexport const word: string = "{}";\n',
      "src/server.ts": `import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
const routes = new Map<string | undefined, string | Buffer>();
for (const file of readdirSync(join(__dirname, "routes"))) {
  const { path, word } = require(join(__dirname, "routes", file));
  routes.set(path, word);
}
routes.set("/a.txt", readFileSync("public/a.txt"));
createServer((request, response) => {
  response.end(routes.get(request.url));
}).listen(process.env.PORT);
`,
    },
    asset: "/a.txt",
    api: "/api",
    change: { file: "src/routes/home.ts", ...HELLO },
  }),
  "an output that carries its packages": small({
    files: {
      "package.json": packageJson("small-output", {
        type: "module",
        scripts: { build: "node build.mjs", preview: "nuxt preview" },
        devDependencies: { nuxt: "*" },
      }),
      "word.txt": "Hello small",
      ".gitignore": ".output\n",
      "build.mjs": `import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const word = readFileSync("word.txt", "utf8");
mkdirSync(".output/server/node_modules/word", { recursive: true });
mkdirSync(".output/public", { recursive: true });
writeFileSync(".output/public/a.txt", "a static file");
writeFileSync(".output/server/node_modules/word/index.mjs", "export default " + JSON.stringify(word));
writeFileSync(".output/server/index.mjs", \`import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import word from "./node_modules/word/index.mjs";
createServer((request, response) => {
  if (request.url === "/api") return void ${API};
  response.end(request.url === "/a.txt" ? readFileSync(new URL("../public/a.txt", import.meta.url)) : word);
}).listen(process.env.PORT);\`);
`,
    },
    asset: "/a.txt",
    api: "/api",
    change: { file: "word.txt", ...HELLO },
  }),
  "Next's standalone server": small({
    files: {
      "package.json": packageJson("small-next", {
        scripts: { build: "node build.js", start: "next start" },
        dependencies: { next: "*" },
      }),
      "next.config.js": 'module.exports = { output: "standalone" };\n',
      "page.txt": "Hello small",
      "public/a.txt": "a static file\n",
      "build.js": `const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
mkdirSync(".next/standalone/.next", { recursive: true });
mkdirSync(".next/static/chunks", { recursive: true });
writeFileSync(".next/static/chunks/a.js", "chunk");
writeFileSync(".next/standalone/.next/page.txt", readFileSync("page.txt"));
writeFileSync(".next/standalone/server.js", \`const { readFileSync } = require("node:fs");
process.chdir(__dirname);
require("node:http").createServer((request, response) => {
  if (request.url === "/api") return void ${API};
  const file = { "/": ".next/page.txt", "/a.txt": "public/a.txt" }[request.url];
  response.end(readFileSync(file ?? request.url.replace("/_next/", ".next/")));
}).listen(process.env.PORT);\`);
`,
    },
    asset: "/_next/static/chunks/a.js",
    api: "/api",
    change: { file: "page.txt", ...HELLO },
  }),
  "a workspace with a sibling": small({
    files: {
      "package.json": packageJson("small-workspace", {
        workspaces: ["apps/*", "packages/*"],
        scripts: { start: "npm start -w apps/web" },
      }),
      "packages/words/package.json": packageJson("@small/words", { exports: "./index.ts" }),
      "packages/words/index.ts": 'export const word: string = "Hello small";\n',
      "apps/web/package.json": packageJson("small-web", {
        type: "module",
        scripts: { start: "node --import tsx src/main.ts" },
        dependencies: { "@small/words": "*" },
      }),
      "apps/web/public/a.txt": "a static file\n",
      "apps/web/src/main.ts": `import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { word } from "@small/words";
createServer((request, response) => {
  if (request.url === "/api") return void ${API};
  response.end(request.url === "/a.txt" ? readFileSync("public/a.txt") : word);
}).listen(process.env.PORT);
`,
    },
    install: [
      ...["sh", "-c"],
      "mkdir -p node_modules/@small && ln -s ../../packages/words node_modules/@small/words",
    ],
    folder: "apps/web",
    asset: "/a.txt",
    api: "/api",
    change: { file: "../../packages/words/index.ts", ...HELLO },
  }),
  "the command of a dependency": small({
    files: {
      "package.json": packageJson("small-command", {
        scripts: { start: "tiny --port $PORT --words words.json" },
        dependencies: { tiny: "*" },
      }),
      "words.json": { page: "Hello small" },
      "public/a.txt": "a static file\n",
      "node_modules/tiny/package.json": packageJson("tiny", { bin: "cli.js" }),
      "node_modules/tiny/cli.js": `#!/usr/bin/env node
const { readFileSync } = require("node:fs");
const [, , , port, , words] = process.argv;
const { page } = JSON.parse(readFileSync(words, "utf8"));
require("node:http").createServer((request, response) => {
  if (request.url === "/api") return void ${API};
  response.end(request.url === "/a.txt" ? readFileSync("public/a.txt") : page);
}).listen(Number(port));
`,
    },
    asset: "/a.txt",
    api: "/api",
    change: { file: "words.json", ...HELLO },
  }),
};
