import type { Shape } from "./shape.ts";

export const svelteKit: Shape = {
  name: "SvelteKit",
  known: "`@sveltejs/kit` with `@sveltejs/adapter-node`",
  packs: "`build/` and the production packages",
  starts: "`node build/index.js`",
  tried: "@sveltejs/kit 2.70.4, adapter-node 5",
  recognise(facts) {
    if (!facts.declares("@sveltejs/kit")) return undefined;
    if (!facts.declares("@sveltejs/adapter-node")) {
      const problem = "only @sveltejs/adapter-node makes a server that Node runs";
      const todo =
        "npm i -D @sveltejs/adapter-node, and import it instead of the other adapter in svelte.config.js or vite.config";
      return { outputs: [], unfit: { problem, todo } };
    }
    const config = `${facts.config("svelte.config")}\n${facts.config("vite.config")}`;
    const output = facts.setting(config, "out") ?? "build";
    return {
      outputs: [output],
      onlyOutputs: !facts.startsFile,
      start: { candidates: [`${output}/index.js`] },
    };
  },
};
