/** Projects that a starter of the npm registry makes by itself. */
import { projectRoot } from "../example.ts";
import { chats, readsStream, STREAM } from "./guests.ts";
import type { WorldProject } from "./project.ts";

const npx = (what: string, ...args: string[]) => ["npx", "--yes", what, ...args];

const NEXT = npx("create-next-app@latest", "app", "--yes", "--use-npm", "--disable-git");
/** Its own layout fetches fonts from Google at each build. */
const NEXT_LAYOUT = `import "./globals.css";
export default function Layout({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
`;
/** A red square. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PQQkAAAgEsEty/aMYywi+hcEKLNO+FgEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGBywLKp0DxvxLbjwAAAABJRU5ErkJggg==";
const NEXT_FILES = {
  "app/layout.tsx": NEXT_LAYOUT,
  "app/chat/route.ts": STREAM,
  "app/api/hello/route.ts": 'export const GET = () => Response.json({ hello: "API" });\n',
};
const nextProject: WorldProject = {
  by: "create-next-app, with system fonts",
  commands: [
    [...NEXT, "--skip-install"],
    ["sh", "-c", `printf %s ${PNG} | base64 -d > app/public/red.png`],
  ],
  files: NEXT_FILES,
  api: "/api/hello",
  image: "/_next/image?url=%2Fred.png&w=32&q=75",
  guest: readsStream("/chat"),
  version: "next",
  asset: /\/_next\/static\/[^"\\]+\.(?:js|css)/,
  change: { file: "app/page.tsx", from: "To get started", to: "To go on" },
};

const nestProject: WorldProject = {
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
};
const GATEWAY = `import { type OnGatewayInit, SubscribeMessage, WebSocketGateway } from "@nestjs/websockets";
import type { Server } from "socket.io";
import { hot } from "tsugi/hot";
import { AppService } from "./app.service.js";

@WebSocketGateway()
export class ChatGateway implements OnGatewayInit {
  constructor(private readonly app: AppService) {}

  afterInit(io: Server) {
    hot.socketIo(io);
  }

  @SubscribeMessage("ask")
  ask(): string {
    return this.app.getHello();
  }
}
`;
const MODULE = `import { Module } from "@nestjs/common";
import { AppController } from "./app.controller.js";
import { AppService } from "./app.service.js";
import { ChatGateway } from "./chat.gateway.js";

@Module({ controllers: [AppController], providers: [AppService, ChatGateway] })
export class AppModule {}
`;

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
  Nest: nestProject,
  "Nest, a gateway": {
    ...nestProject,
    by: "the same, with a gateway of its guide",
    files: { "src/chat.gateway.ts": GATEWAY, "src/app.module.ts": MODULE },
    dependencies: { "@nestjs/websockets": "latest", "@nestjs/platform-socket.io": "latest" },
    devDependencies: { tsugi: `file:${projectRoot}` },
    guest: chats,
  },
  "Next.js": nextProject,
  "Next.js, standalone": {
    ...nextProject,
    by: 'the same with output: "standalone"',
    files: {
      ...NEXT_FILES,
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
    files: {
      "src/routes/api/hello/+server.ts":
        'export const GET = () => Response.json({ hello: "API" });\n',
    },
    version: "@sveltejs/kit",
    api: "/api/hello",
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
    files: {
      "src/routes/api/hello.ts": `import { createFileRoute } from "@tanstack/react-router";
export const Route = createFileRoute("/api/hello")({
  server: { handlers: { GET: () => Response.json({ hello: "API" }) } },
});
`,
    },
    api: "/api/hello",
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
  Strapi: {
    by: "create-strapi",
    commands: [
      [
        ...npx("create-strapi@latest", "app", "--non-interactive", "--skip-cloud", "--no-run"),
        ...["--dbclient=sqlite", "--no-install", "--no-git-init", "--no-example", "--typescript"],
      ],
    ],
    env: {
      ...{ APP_KEYS: "a-key,another-key", API_TOKEN_SALT: "salt", ADMIN_JWT_SECRET: "secret" },
      ...{
        TRANSFER_TOKEN_SALT: "salt",
        JWT_SECRET: "secret",
        ENCRYPTION_KEY: "key",
        HOST: "0.0.0.0",
      },
    },
    files: {
      "public/robots.txt": "User-Agent: *\n",
      "src/api/word/routes/word.ts":
        'export default { routes: [{ method: "GET", path: "/word", handler: "word.say", config: { auth: false } }] };\n',
      "src/api/word/controllers/word.ts":
        'export default { say(context: any) { context.body = { word: "Hello Strapi" }; } };\n',
    },
    version: "@strapi/strapi",
    page: "/api/word",
    api: "/api/word",
    asset: "/robots.txt",
    change: {
      file: "src/api/word/controllers/word.ts",
      ...{ from: "Hello Strapi", to: "Hello again" },
    },
  },
};
