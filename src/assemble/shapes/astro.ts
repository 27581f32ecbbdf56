import type { Shape } from "./shape.ts";

export const astro: Shape = {
  name: "Astro",
  known: "`astro` with `@astrojs/node`",
  packs: "`dist/` and the packages",
  starts: "`node dist/server/entry.mjs`, or your own server where the adapter is a middleware",
  tried: "astro 7.3.5",
  recognise(facts) {
    if (!facts.declares("astro")) return undefined;
    const config = facts.config("astro.config");
    const output = (facts.setting(config, "outDir") ?? "dist").replace(/^\.\//, "");
    if (!facts.declares("@astrojs/node")) {
      if (facts.startsFile) return { outputs: [output] };
      const problem = "without @astrojs/node its build makes static files, and no server";
      return { outputs: [], unfit: { problem, todo: "npx astro add node" } };
    }
    const isMiddleware = facts.setting(config, "mode") === "middleware";
    if (isMiddleware && !facts.startsFile) {
      const problem =
        'with mode: "middleware" the server is yours, and nothing says which file it is';
      return { outputs: [], unfit: { problem, todo: 'Name it: "start": "node server.js"' } };
    }
    return {
      outputs: [output],
      onlyOutputs: !facts.startsFile,
      start: { candidates: [`${output}/server/entry.mjs`] },
    };
  },
};
