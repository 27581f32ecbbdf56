/** Of frameworks whose starter fetches its template from elsewhere, or that have none: the smallest project of their guides. */
import type { WorldProject } from "./project.ts";

const HERE = "a project written by hand";
const plain = (name: string, rest: object = {}) => ({
  ...{ name, version: "1.0.0", private: true, type: "module" },
  scripts: { start: "node server.js" },
  ...rest,
});

const TSCONFIG = {
  compilerOptions: {
    ...{ target: "ESNext", module: "NodeNext", strict: true, skipLibCheck: true },
    ...{ outDir: "./dist", rootDir: "./src", declaration: true, types: ["node"] },
  },
  include: ["src"],
};

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
      "server/api/hello.ts": 'export default defineEventHandler(() => ({ hello: "API" }));\n',
      "app/app.vue": "<template><div>Hello Nuxt</div></template>\n",
      "public/robots.txt": "User-Agent: *\n",
      "tsconfig.json": { files: [], references: [{ path: "./.nuxt/tsconfig.app.json" }] },
    },
    dependencies: { nuxt: "latest" },
    version: "nuxt",
    api: "/api/hello",
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
      "src/pages/api/hello.ts": 'export const GET = () => Response.json({ hello: "API" });\n',
      "src/pages/index.astro": "<html><body><h1>Hello Astro</h1></body></html>\n",
    },
    dependencies: { astro: "latest", "@astrojs/node": "latest" },
    version: "astro",
    api: "/api/hello",
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
import { route } from "@react-router/dev/routes";
export default [index("routes/home.tsx"), route("api/hello", "routes/hello.ts")];
`,
      "app/routes/hello.ts": 'export const loader = () => Response.json({ hello: "API" });\n',
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
    api: "/api/hello",
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
  "Workspace of pnpm": {
    by: HERE,
    files: {
      "package.json": { name: "world", version: "1.0.0", private: true },
      "pnpm-workspace.yaml": 'packages:\n  - "apps/*"\n  - "packages/*"\n',
      "packages/words/package.json": {
        ...{ name: "@world/words", version: "1.0.0", type: "module" },
        scripts: { build: "tsc -p ." },
        exports: "./dist/index.js",
        devDependencies: { typescript: "latest", "@types/node": "latest" },
      },
      "packages/words/tsconfig.json": TSCONFIG,
      "packages/words/src/index.ts": 'export const word: string = "Hello pnpm";\n',
      "apps/web/package.json": {
        ...plain("world-web", { scripts: { build: "tsc -p .", start: "node dist/server.js" } }),
        dependencies: {
          "@world/words": "workspace:*",
          "@hono/node-server": "latest",
          hono: "latest",
        },
        devDependencies: { typescript: "latest", "@types/node": "latest" },
      },
      "apps/web/tsconfig.json": TSCONFIG,
      "apps/web/public/a.txt": "a static file\n",
      "apps/web/src/server.ts": `import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { word } from "@world/words";
import { Hono } from "hono";
const app = new Hono();
app.use("/public/*", serveStatic({ root: "./" }));
app.get("/", (context) => context.text(\`\${word}, Hello web\`));
app.get("/api", (context) => context.json({ word }));
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
`,
    },
    install: ["npx", "--yes", "pnpm@10", "install", "--no-frozen-lockfile"],
    folder: "apps/web",
    version: "hono",
    asset: "/public/a.txt",
    api: "/api",
    change: { file: "src/server.ts", from: "Hello web", to: "Hello again" },
  },
  "Workspace of turbo": {
    by: HERE,
    files: {
      "package.json": {
        ...{ name: "world", version: "1.0.0", private: true, packageManager: "npm@10.0.0" },
        workspaces: ["apps/*", "packages/*"],
        scripts: { build: "turbo run build", start: "turbo run start" },
        devDependencies: { turbo: "latest", typescript: "latest", "@types/node": "latest" },
      },
      "turbo.json": {
        tasks: {
          build: { dependsOn: ["^build"], outputs: ["dist/**"] },
          start: { persistent: true },
        },
      },
      "packages/words/package.json": {
        ...{ name: "@world/words", version: "1.0.0", type: "module", exports: "./src/index.ts" },
      },
      "packages/words/src/index.ts": 'export const word: string = "Hello turbo";\n',
      "apps/web/package.json": {
        ...plain("world-web", { scripts: { dev: "tsx watch src", start: "tsx src/server.ts" } }),
        dependencies: { "@world/words": "*", express: "latest" },
        devDependencies: { tsx: "latest" },
      },
      "apps/web/public/a.txt": "a static file\n",
      "apps/web/src/server.ts": `import { word } from "@world/words";
import express from "express";
const app = express();
app.use(express.static("public"));
app.get("/", (_request, response) => void response.send(word));
app.get("/api", (_request, response) => void response.json({ word }));
app.listen(process.env.PORT ?? 3000);
`,
    },
    folder: "apps/web",
    version: "turbo",
    asset: "/a.txt",
    api: "/api",
    change: {
      file: "../../packages/words/src/index.ts",
      ...{ from: "Hello turbo", to: "Hello again" },
    },
  },
  "Streams and WebSockets": {
    by: HERE,
    files: {
      "package.json": plain("world-live"),
      "server.js": `import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import express from "express";
import { WebSocketServer } from "ws";
const app = express();
app.get("/", (_request, response) => response.send("Hello stream"));
app.get("/api", (_request, response) => response.json({ hello: "stream" }));
app.post("/events", async (_request, response) => {
  response.setHeader("Content-Type", "text/event-stream");
  for (let at = 0; at < 40; at++) {
    response.write(\`data: \${at}\\n\\n\`);
    await pause(100);
  }
  response.end("data: whole\\n\\n");
});
const server = createServer(app);
new WebSocketServer({ server, path: "/talk" }).on("connection", (socket) =>
  socket.on("message", (message) => socket.send(String(message))));
server.listen(process.env.PORT ?? 3000);
`,
    },
    dependencies: { express: "latest", ws: "latest" },
    version: "ws",
    api: "/api",
    stream: "/events",
    webSocket: "/talk",
    change: { file: "server.js", from: "Hello stream", to: "Hello again" },
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
