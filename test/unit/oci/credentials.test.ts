import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { loginOf } from "../../../src/oci/credentials.ts";
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
    const found = await loginOf("registry-1.docker.io", "library/debian", env);
    assert.deepEqual(found, { credentials: { user: "alice", password: "secret" } });
    assert.deepEqual(await loginOf("registry.example", "library/debian", env), {});
  });

  test("a file or a helper of it that is no help is named, and what a helper prints is not shown", async (t) => {
    const file = join(folder, "auth.json");
    const asked = async (text: string, helper?: string) => {
      writeFileSync(file, text);
      const program = join(folder, "docker-credential-mine");
      if (helper !== undefined) writeFileSync(program, `#!/bin/sh\n${helper}\n`, { mode: 0o755 });
      return loginOf("registry.example", "team/wall", { REGISTRY_AUTH_FILE: file }, 500);
    };
    const { PATH } = process.env;
    process.env.PATH = `${folder}:${PATH}`;
    t.after(() => {
      process.env.PATH = PATH;
    });
    const store = '{ "credsStore": "mine" }';
    const names = `${file} names docker-credential-mine, which`;
    for (const [text, helper, problem] of [
      ['{ "auths": ', undefined, `${file} is not JSON: correct it`],
      [store, undefined, `${names} is not on the PATH: install it`],
      [store, "trap '' TERM; while :; do sleep 0.1; done", `${names} has not answered for 0.5 s`],
      [store, "echo secret; echo secret >&2; exit 3", `${names} failed with 3`],
    ] as const) {
      const found = await asked(text, helper);
      assert.ok(found.problem?.startsWith(problem), found.problem);
      assert.ok(!/secret/.test(found.problem ?? ""));
    }
    const unknown = "echo credentials not found in native keychain; exit 1";
    assert.deepEqual(await asked(store, unknown), {});
    rmSync(file);
    mkdirSync(file);
    const { problem } = await loginOf("registry.example", "wall", { REGISTRY_AUTH_FILE: file });
    assert.match(problem ?? "", /auth\.json can't be read: EISDIR/);
  });
});
