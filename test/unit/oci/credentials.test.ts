import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { credentialsOf } from "../../../src/oci/credentials.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("credentials");
after(remove);

describe("what docker login has kept", () => {
  const env = { HOME: folder };
  const auth = Buffer.from("alice:secret").toString("base64");

  test("for Docker Hub it is kept under another address than the one that is asked", async () => {
    mkdirSync(join(folder, ".docker"));
    const auths = { "https://index.docker.io/v1/": { auth } };
    writeFileSync(join(folder, ".docker/config.json"), JSON.stringify({ auths }));
    const found = await credentialsOf("registry-1.docker.io", "library/debian", env);
    assert.deepEqual(found, { user: "alice", password: "secret" });
    assert.equal(await credentialsOf("registry.example", "library/debian", env), undefined);
  });
});
