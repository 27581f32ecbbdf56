/** Hosts that take releases out of a registry. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openStore } from "../../src/store/index.ts";
import { type Registry, startRegistry, whyNoRegistry } from "../helpers/ociRegistry.ts";
import { temporaryFolder } from "../helpers/projects.ts";
import { buildWall } from "../helpers/wall.ts";

const skip = await whyNoRegistry();
const wall = await buildWall({ "0.0.1": {}, "0.0.2": { extra: "/* another version */" } });
after(() => wall.dispose());

describe("a host and a registry", { skip }, () => {
  const { folder, remove } = temporaryFolder("host-registry");
  let registry: Registry;
  let place: string;

  before(async () => {
    registry = await startRegistry(join(folder, "registry"));
    place = `oci://${registry.host}/team/wall`;
    const store = await openStore(place);
    for (const version of ["0.0.1", "0.0.2"]) await store.push({ source: wall.tarball(version) });
  });
  after(async () => {
    await registry.close();
    remove();
  });

  test("upgrades out of it, bringing only what it lacks", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const plan = await host.app("plan", place, "--json");
    assert.equal(JSON.parse(plan.stdout).to, "0.0.2");
    assert.ok(!existsSync(join(host.root, "lib/wall-0.0.2")));
    const upgraded = await host.must("upgrade", `${place}:0.0.2`);
    assert.match(upgraded.stderr, /Took 0\.0\.2: [\d.]+ (B|KB) of [\d.]+ MB/);
    assert.equal((await get()).version, "0.0.2");
    assert.deepEqual(readdirSync(join(host.root, "releases/.staging")), []);
    const again = await host.must("upgrade", place);
    assert.match(again.stdout, /Nothing to do: 0\.0\.2 runs already/);
  });

  test("says what is not there, and stays as it is", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    for (const named of [`${place}:9.9.9`, `oci://${registry.host}/team/other`]) {
      const refused = await host.app("upgrade", named, "--json");
      assert.equal(JSON.parse(refused.stdout).error.code, "TSUGI_NOT_IN_STORE", refused.output);
      assert.equal(refused.status, 4);
    }
    assert.equal((await get()).version, "0.0.1");
  });
});
