import type { Fit, Shape } from "./shape.ts";

const OUTPUT: Fit = {
  outputs: [".output"],
  onlyOutputs: true,
  packages: "none",
  start: { candidates: [".output/server/index.mjs"] },
};
const WORDS = {
  packs: "`.output/`, which carries its own packages",
  starts: "`node .output/server/index.mjs`",
};

export const nuxt: Shape = {
  ...WORDS,
  name: "Nuxt",
  tried: "nuxt 4.5.2",
  known: "`nuxt`",
  recognise: (facts) => (facts.declares("nuxt", "nuxt3") ? OUTPUT : undefined),
};

export const tanstackStart: Shape = {
  ...WORDS,
  name: "TanStack Start",
  tried: "@tanstack/react-start 1.169.5",
  known: "`@tanstack/react-start` or `@tanstack/solid-start`, with `nitro`",
  recognise(facts) {
    if (!facts.declares("@tanstack/react-start", "@tanstack/solid-start")) return undefined;
    if (facts.declares("nitro", "nitropack", "@tanstack/nitro-v2-vite-plugin", "vinxi"))
      return OUTPUT;
    if (facts.startsFile) return { outputs: ["dist", ".output"] };
    const problem = "its build leaves a handler of requests, and no server";
    const todo = "npm i nitro, and add nitro() to the plugins in vite.config";
    return { outputs: [], unfit: { problem, todo } };
  },
};

export const nitro: Shape = {
  ...WORDS,
  name: "Nitro, SolidStart, Analog",
  known: "`nitro`, `nitropack`, `vinxi`, `@solidjs/start`",
  recognise: (facts) =>
    facts.declares("nitro", "nitropack", "vinxi", "@solidjs/start") ? OUTPUT : undefined,
};
