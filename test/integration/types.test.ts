/** The declarations of the built package, as a project that depends on it sees them. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { temporaryFolder, writeFiles } from "../helpers/projects.ts";

const { folder, remove } = temporaryFolder("types");
after(remove);

test("tsugi and tsugi/hot are typed", async () => {
  writeFiles(folder, {
    "package.json": { type: "module" },
    "app.ts": `import { defineConfig } from "tsugi";
      import { hot } from "tsugi/hot";
      const sum = hot.state("sum", { version: 1, initial: () => 0 });
      sum.value += 1;
      // @ts-expect-error: it is a number
      sum.value = "one";
      import { release } from "tsugi";
      export const built: Promise<{ tarball: string }> = release({ folder: "." });
      export default defineConfig({
        entry: "src/server.ts",
        // @ts-expect-error: there is no such key
        entri: "src/server.ts",
      });`,
  });
  mkdirSync(join(folder, "node_modules", "@types"), { recursive: true });
  symlinkSync(projectRoot, join(folder, "node_modules", "tsugi"));
  for (const name of ["@types/node", "undici-types"]) {
    symlinkSync(join(projectRoot, "node_modules", name), join(folder, "node_modules", name));
  }
  const tsc = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--types", "node", "app.ts"];
  const { output } = await runCommand(process.execPath, [tsc, ...options], { cwd: folder });
  assert.equal(output, "");
});
