/**
 * The world's projects: what makes each, where its page is, and what to change in it. A starter that
 * the npm registry has whole makes its own; where a starter fetches its template from elsewhere, the
 * smallest project of its guide is written here. To add one: a row.
 */

export interface WorldProject {
  /** By what it is made: shown in the table. */
  by: string;
  /** Run one after the other in an empty folder; the project is in `app` afterwards. */
  commands?: string[][];
  /** Written over what is there by then; objects as JSON. */
  files?: Record<string, unknown>;
  /** Taken into its package.json before it is installed. */
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  scripts?: Record<string, string>;
  /** Where `tsugi release` is run, below `app`. */
  folder?: string;
  /** Of a package that is shown with its version. */
  version: string;
  page?: string;
  /** A path, or what finds one in the page. */
  asset?: string | RegExp;
  /** The one line that changes: in a file, a word that the page has, and what it becomes. */
  change: {
    file: string;
    from: string;
    to: string;
    /** What the page has of it, before and after, where that is something else. */
    shown?: readonly [string, string];
  };
}

const npx = (what: string, ...args: string[]) => ["npx", "--yes", what, ...args];
const HERE = "a project written by hand";
const plain = (name: string, rest: object = {}) => ({
  ...{ name, version: "1.0.0", private: true, type: "module" },
  scripts: { start: "node server.js" },
  ...rest,
});

const NEXT = npx("create-next-app@latest", "app", "--yes", "--use-npm", "--disable-git");
/** Its own layout fetches fonts from Google at each build. */
const NEXT_LAYOUT = `import "./globals.css";
export default function Layout({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
`;
const nextProject: WorldProject = {
  by: "create-next-app, with system fonts",
  commands: [[...NEXT, "--skip-install"]],
  files: { "app/layout.tsx": NEXT_LAYOUT },
  version: "next",
  asset: /\/_next\/static\/[^"\\]+\.(?:js|css)/,
  change: { file: "app/page.tsx", from: "To get started", to: "To go on" },
};

export const WORLD: Record<string, WorldProject> = {
  Express: {
    by: "express-generator",
    commands: [npx("express-generator@latest", "--view=pug", "app")],
    version: "express",
    asset: "/stylesheets/style.css",
    change: { file: "routes/index.js", from: "Express", to: "Another" },
  },
  Fastify: {
    by: "fastify-cli generate",
    commands: [npx("fastify-cli@latest", "generate", "app")],
    version: "fastify",
    change: {
      file: "routes/root.js",
      from: "root: true",
      to: "root: 'again'",
      shown: ["true", "again"],
    },
  },
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
  Nest: {
    by: "@nestjs/cli new",
    commands: [
      npx(
        "@nestjs/cli@latest",
        "new",
        "app",
        "--package-manager=npm",
        "--skip-git",
        "--skip-install",
      ),
    ],
    version: "@nestjs/core",
    change: { file: "src/app.service.ts", from: "Hello World!", to: "Hello again!" },
  },
  "Next.js": nextProject,
  "Next.js, standalone": {
    ...nextProject,
    by: 'the same with output: "standalone"',
    files: {
      "app/layout.tsx": NEXT_LAYOUT,
      "next.config.ts": 'export default { output: "standalone" };\n',
    },
  },
  SvelteKit: {
    by: "sv create; adapter-node",
    commands: [
      npx(
        "sv@latest",
        "create",
        "app",
        "--template=minimal",
        "--types=ts",
        "--no-add-ons",
        "--no-install",
      ),
      [
        "sh",
        "-c",
        "sed -i s/adapter-auto/adapter-node/ app/vite.config.ts app/svelte.config.js || true",
      ],
    ],
    devDependencies: { "@sveltejs/adapter-node": "^5" },
    version: "@sveltejs/kit",
    asset: "/robots.txt",
    change: { file: "src/routes/+page.svelte", from: "Welcome to SvelteKit", to: "Welcome again" },
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
  "TanStack Start": {
    by: "@tanstack/create-start",
    commands: [
      [
        "sh",
        "-c",
        "npx --yes @tanstack/create-start@latest app --no-install --no-git || test -f app/package.json",
      ],
    ],
    version: "@tanstack/react-start",
    asset: /\/assets\/[^"]+\.(?:js|css)/,
    change: {
      file: "src/routes/index.tsx",
      from: "Start simple, ship quickly.",
      to: "Start again.",
    },
  },
  "Vite with an API": {
    by: "create-vite, and a server of Express",
    commands: [npx("create-vite@latest", "app", "--template=react-ts", "--no-interactive")],
    files: {
      "server.js": `import express from "express";
const app = express();
app.use(express.static("dist"));
app.get("/api", (_request, response) => response.json({ hello: "API" }));
app.listen(process.env.PORT ?? 3000);
`,
    },
    scripts: { start: "node server.js" },
    dependencies: { express: "latest" },
    version: "vite",
    page: "/api",
    asset: "/",
    change: {
      file: "server.js",
      from: 'hello: "API"',
      to: 'hello: "again"',
      shown: ["API", "again"],
    },
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
