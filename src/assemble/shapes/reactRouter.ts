import type { Shape, ShapeFacts } from "./shape.ts";

const served = (facts: ShapeFacts, serve: string, bin: string) => ({
  outputs: ["build", "public/build"],
  ...(facts.declares(serve)
    ? {
        start: {
          candidates: [`node_modules/${serve}/${bin}`],
          args: ["./build/server/index.js"],
        },
      }
    : {}),
});

export const reactRouter: Shape = {
  name: "React Router (framework mode)",
  known: "`@react-router/dev`",
  tried: "@react-router/serve 8.4.0",
  packs: "`build/`, `public/`, packages",
  starts: "`react-router-serve ./build/server/index.js`, or your own server",
  recognise: (facts) =>
    facts.declares("@react-router/dev")
      ? served(facts, "@react-router/serve", "bin.cjs")
      : undefined,
};

export const remix: Shape = {
  name: "Remix",
  known: "`@remix-run/dev`",
  packs: "`build/`, `public/`, packages",
  starts: "`remix-serve ./build/server/index.js`, or your own server",
  recognise: (facts) =>
    facts.declares("@remix-run/dev") ? served(facts, "@remix-run/serve", "dist/cli.js") : undefined,
};
