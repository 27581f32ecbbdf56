/** Of frameworks whose starter fetches its template from elsewhere, or that have none: the smallest project of their guides. */
import type { WorldProject } from "./project.ts";

const HERE = "a project written by hand";
const plain = (name: string, rest: object = {}) => ({
  ...{ name, version: "1.0.0", private: true, type: "module" },
  scripts: { start: "node server.js" },
  ...rest,
});

export const HANDMADE: Record<string, WorldProject> = {
  Koa: {
    by: HERE,
    files: {
      "package.json": plain("world-koa"),
      "public/a.txt": "a static file\n",
      "server.js": `import Koa from "koa";
import serve from "koa-static";
const app = new Koa();
app.use(serve("public"));
app.use((context) => { context.body = "Hello Koa"; });
app.listen(process.env.PORT ?? 3000);
`,
    },
    dependencies: { koa: "latest", "koa-static": "latest" },
    version: "koa",
    asset: "/a.txt",
    change: { file: "server.js", from: "Hello Koa", to: "Hello again" },
  },
  Hono: {
    by: HERE,
    files: {
      "package.json": plain("world-hono", {
        scripts: { build: "tsc", start: "node dist/index.js" },
      }),
      "tsconfig.json": {
        compilerOptions: {
          ...{ target: "ESNext", module: "NodeNext", strict: true, skipLibCheck: true },
          ...{ types: ["node"], outDir: "./dist", rootDir: "./src" },
        },
        include: ["src"],
      },
      "public/a.txt": "a static file\n",
      "src/index.ts": `import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
const app = new Hono();
app.use("/public/*", serveStatic({ root: "./" }));
app.get("/", (context) => context.text("Hello Hono!"));
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
`,
    },
    dependencies: { hono: "latest", "@hono/node-server": "latest" },
    devDependencies: { typescript: "latest", "@types/node": "latest" },
    version: "hono",
    asset: "/public/a.txt",
    change: { file: "src/index.ts", from: "Hello Hono!", to: "Hello again!" },
  },
  h3: {
    by: HERE,
    files: {
      "package.json": plain("world-h3"),
      "server.js": `import { createServer } from "node:http";
import { createApp, defineEventHandler, toNodeListener } from "h3";
const app = createApp();
app.use("/", defineEventHandler(() => "Hello h3"));
createServer(toNodeListener(app)).listen(process.env.PORT ?? 3000);
`,
    },
    dependencies: { h3: "^1" },
    version: "h3",
    change: { file: "server.js", from: "Hello h3", to: "Hello again" },
  },
  Nuxt: {
    by: HERE,
    files: {
      "package.json": { ...plain("world-nuxt"), scripts: { build: "nuxt build", dev: "nuxt dev" } },
      "nuxt.config.ts": 'export default defineNuxtConfig({ compatibilityDate: "2026-01-01" });\n',
      "app/app.vue": "<template><div>Hello Nuxt</div></template>\n",
      "public/robots.txt": "User-Agent: *\n",
      "tsconfig.json": { files: [], references: [{ path: "./.nuxt/tsconfig.app.json" }] },
    },
    dependencies: { nuxt: "latest" },
    version: "nuxt",
    asset: "/robots.txt",
    change: { file: "app/app.vue", from: "Hello Nuxt", to: "Hello again" },
  },
  Astro: {
    by: HERE,
    files: {
      "package.json": {
        ...plain("world-astro"),
        scripts: { build: "astro build", dev: "astro dev" },
      },
      "astro.config.mjs": `import node from "@astrojs/node";
import { defineConfig } from "astro/config";
export default defineConfig({ output: "server", adapter: node({ mode: "standalone" }) });
`,
      "public/favicon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
      "src/pages/index.astro": "<html><body><h1>Hello Astro</h1></body></html>\n",
    },
    dependencies: { astro: "latest", "@astrojs/node": "latest" },
    version: "astro",
    asset: "/favicon.svg",
    change: { file: "src/pages/index.astro", from: "Hello Astro", to: "Hello again" },
  },
  "React Router": {
    by: HERE,
    files: {
      "package.json": plain("world-react-router", {
        scripts: {
          build: "react-router build",
          start: "react-router-serve ./build/server/index.js",
        },
      }),
      "vite.config.ts": `import { reactRouter } from "@react-router/dev/vite";
export default { plugins: [reactRouter()] };
`,
      "react-router.config.ts": "export default { ssr: true };\n",
      "tsconfig.json": {
        compilerOptions: { jsx: "react-jsx", module: "ES2022", moduleResolution: "bundler" },
      },
      "public/robots.txt": "User-Agent: *\n",
      "app/routes.ts": `import { index } from "@react-router/dev/routes";
export default [index("routes/home.tsx")];
`,
      "app/root.tsx": `import { Links, Meta, Outlet, Scripts } from "react-router";
export default function App() {
  return <html><head><Meta /><Links /></head><body><Outlet /><Scripts /></body></html>;
}
`,
      "app/routes/home.tsx": "export default function Home() { return <h1>Hello Router</h1>; }\n",
    },
    dependencies: {
      ...{ react: "latest", "react-dom": "latest", "react-router": "8.4.0", isbot: "latest" },
      ...{ "@react-router/node": "8.4.0", "@react-router/serve": "8.4.0" },
    },
    devDependencies: { "@react-router/dev": "8.4.0", vite: "latest", typescript: "latest" },
    version: "react-router",
    asset: "/robots.txt",
    change: { file: "app/routes/home.tsx", from: "Hello Router", to: "Hello again" },
  },
  "Workspace of npm": {
    by: HERE,
    files: {
      "package.json": {
        name: "world",
        version: "1.0.0",
        private: true,
        workspaces: ["apps/*", "packages/*"],
      },
      "packages/words/package.json": {
        ...{ name: "@world/words", version: "1.0.0", type: "module", exports: "./index.js" },
      },
      "packages/words/index.js": 'export const word = "Hello workspace";\n',
      "apps/web/package.json": {
        ...plain("world-web"),
        dependencies: { "@world/words": "1.0.0", fastify: "latest" },
      },
      "apps/web/server.js": `import { word } from "@world/words";
import fastify from "fastify";
const app = fastify();
app.get("/", () => word);
await app.listen({ port: Number(process.env.PORT ?? 3000) });
`,
    },
    folder: "apps/web",
    version: "fastify",
    change: { file: "../../packages/words/index.js", from: "Hello workspace", to: "Hello again" },
  },
  "A bot beside a page": {
    by: HERE,
    files: {
      "package.json": plain("world-bot", {
        scripts: { start: "node server.js", "start:worker": "node worker.js" },
      }),
      "server.js": `import { createServer } from "node:http";
createServer((_request, response) => response.end("Hello bot")).listen(process.env.PORT ?? 3000);
`,
      "worker.js": "setInterval(() => {}, 1000);\n",
      "tsugi.config.json": {
        processes: {
          web: { entry: "server.js" },
          worker: { entry: "worker.js", overlap: false },
        },
      },
    },
    version: "",
    change: { file: "server.js", from: "Hello bot", to: "Hello again" },
  },
};
