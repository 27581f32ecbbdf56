/**
 * Projects of six shapes, released without a line of configuration and led through a life on a host
 * without Node: page, asset, API, a changed line, an upgrade under clients, a rollback, a third
 * release. The starters themselves: npm run long -- world.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { release } from "../helpers/anyProject.ts";
import { temporaryFolder } from "../helpers/projects.ts";
import { travel } from "../helpers/world/journey.ts";
import { SMALL } from "../helpers/world/small.ts";

describe("a project of the world goes its way:", { concurrency: 2 }, () => {
  const { folder, remove } = temporaryFolder("small-world");
  after(remove);

  for (const [name, project] of Object.entries(SMALL)) {
    test(name, async () => {
      const base = join(folder, name.replace(/\W+/g, "-"));
      const options = { release: (at: string) => release(at), isQuiet: true };
      const { steps } = await travel(project, base, options);
      const failed = Object.entries(steps).filter(([, said]) => said.startsWith("FAIL"));
      assert.deepEqual(failed, []);
      assert.equal(steps.stop, "yes");
    });
  }
});
