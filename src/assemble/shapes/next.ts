import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { filesBelow } from "../../pack/fileSet.ts";
import { literally } from "../../pack/glob.ts";
import { workspaceRootOf } from "../packedFiles.ts";
import type { Fit, Shape, ShapeFacts } from "./shape.ts";

export const next: Shape = {
  name: "Next.js",
  known: "`next`",
  packs:
    '`.next` without its cache, `public/`, packages; with `output: "standalone"` that output alone',
  starts: "`next start`, the standalone server, or your own server",
  tried: "next 16.4.3",
  recognise(facts) {
    if (!facts.declares("next")) return undefined;
    const config = facts.config("next.config");
    const output = facts.setting(config, "distDir") ?? ".next";
    const mode = facts.setting(config, "output");
    if (mode === "export") {
      const problem = 'output: "export" makes static files, and no server';
      return { outputs: [], unfit: { problem, todo: "Take that line out of next.config" } };
    }
    // `node .next/standalone/server.js`, as its guide has it, is no server of your own.
    const entry = facts.start?.entry;
    const isOwn = entry !== undefined && !entry.startsWith(`${output}/standalone/`);
    return mode === "standalone" && !isOwn ? standalone(facts, output) : started(facts, output);
  },
};

function started(facts: ShapeFacts, output: string): Fit {
  const idle = new RegExp(
    `^${literally(output)}/(cache|dev|types|diagnostics|standalone|trace)(/|$)`,
  );
  const fit: Fit = {
    outputs: [output],
    isIdle: (path) => idle.test(path) || path.startsWith(`${output}/trace-`),
    shared: [`${output}/cache/`],
  };
  if (facts.startsFile || facts.start?.tool === "next") return fit;
  return { ...fit, start: { candidates: ["node_modules/next/dist/bin/next"], args: ["start"] } };
}

/** The server looks for static files and public/ beside itself; the build leaves them elsewhere. */
function standalone({ project: { folder } }: ShapeFacts, output: string): Fit {
  const root = `${output}/standalone`;
  const above = workspaceRootOf(folder);
  const inside = above === undefined ? [] : [relative(above, folder)];
  return {
    outputs: [root],
    onlyOutputs: true,
    packages: "none",
    start: {
      candidates: [`${root}/server.js`, ...inside.map((path) => `${root}/${path}/server.js`)],
      always: true,
    },
    placed: (project, entry) =>
      [join(output, "static"), "public"]
        .filter((path) => existsSync(join(project, path)))
        .flatMap((path) => filesBelow(join(project, path), join(dirname(entry), path))),
  };
}
