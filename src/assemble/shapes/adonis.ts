import type { Shape } from "./shape.ts";

export const adonis: Shape = {
  name: "AdonisJS",
  known: "`@adonisjs/core`",
  tried: "@adonisjs/core 6.21.0",
  packs: "`build/`, which `node ace build` writes, and the packages; `build/tmp/` lives in `var/`",
  starts: "`node build/bin/server.js`",
  recognise(facts) {
    if (!facts.declares("@adonisjs/core")) return undefined;
    // Its start script is for whoever stands in build/, which has a package.json of its own.
    const candidates = ["build/bin/server.js", "build/server.js"];
    return {
      outputs: ["build"],
      onlyOutputs: true,
      shared: ["build/tmp/"],
      start: { candidates, always: true },
    };
  },
};
