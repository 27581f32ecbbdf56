/** Projects that a starter of the npm registry makes by itself. */
import type { WorldProject } from "./project.ts";

const npx = (what: string, ...args: string[]) => ["npx", "--yes", what, ...args];

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

export const STARTERS: Record<string, WorldProject> = {
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
};
