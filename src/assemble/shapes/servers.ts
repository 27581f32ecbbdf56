/** Frameworks whose project is a Node program: what is special about them is little. */
import type { Shape } from "./shape.ts";

const plain = (name: string, ...packages: string[]): Shape => ({
  name,
  known: packages.map((one) => `\`${one}\``).join(", "),
  packs: "compiled sources, or the output of your build; `public/`, `views/` …; packages",
  starts: "the file of the start script, `main`, or `src/{server,main,index}.ts`",
  recognise: (facts) => (facts.declares(...packages) ? { outputs: [] } : undefined),
});

export const nest: Shape = {
  ...plain("Nest", "@nestjs/core"),
  tried: "@nestjs/core 12",
  packs: "`dist/` and the packages",
  starts: "`start:prod`, or what `nest start` would run",
};

export const strapi: Shape = {
  name: "Strapi",
  known: "`@strapi/strapi`",
  packs: "`dist/`, `build/`, configuration, packages; uploads and the SQLite file live in `var/`",
  starts: "`strapi start`",
  recognise: (facts) =>
    facts.declares("@strapi/strapi")
      ? { outputs: ["dist", "build"], shared: ["public/uploads/", ".tmp/"] }
      : undefined,
};

export const program: Shape = {
  ...plain(
    "Express, Fastify, Koa, Hono, h3",
    ...["express", "fastify", "koa", "hono", "h3", "@hapi/hapi"],
  ),
  tried: "express 4.16.4, fastify 5.12.8, koa 3.3.0, hono 4.13.19, h3 1.15.11",
};

/** Last: what every other shape may use as well. */
export const viteWithServer: Shape = {
  name: "Vite single-page app with a server",
  known: "`vite`, and a start script",
  tried: "vite 8.4.0 with express",
  packs: "`dist/`, the server, packages",
  starts: "the server of the start script",
  recognise(facts) {
    if (!facts.declares("vite")) return undefined;
    const config = facts.config("vite.config");
    return {
      outputs: [facts.setting(config, "outDir") ?? "dist"],
      withoutServer: {
        problem: "its build makes static files, and no server",
        todo: 'Let any web server give them out, or add a server and name it: "start": "node server.js"',
      },
    };
  },
};
