import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  isSecretName,
  whileHidden,
  withoutSecrets,
} from "../../../src/assemble/clean/hiddenNames.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("hidden-names");
after(remove);

test("names that say they are secret are, and others are not", () => {
  const secret =
    "RELEASE_KEY AWS_SECRET_ACCESS_KEY GITHUB_TOKEN NPM_TOKEN DB_PASSWORD PGPASSFILE_SECRET GH_PAT npm_config__auth API_KEY SIGNING_PASSPHRASE GOOGLE_APPLICATION_CREDENTIALS token";
  const plain = "PATH HOME KEYBOARD SSH_AUTH_SOCK CI TOKENIZER_PATH AUTHOR MONKEY NODE_OPTIONS";
  assert.deepEqual(
    secret.split(" ").filter((name) => !isSecretName(name)),
    [],
  );
  assert.deepEqual(plain.split(" ").filter(isSecretName), []);
});

test("what the package manager's own configuration names stays", () => {
  const env = { PATH: "/bin", RELEASE_KEY: "k", NPM_TOKEN: "t" };
  assert.deepEqual(withoutSecrets(env, folder), { PATH: "/bin" });
  writeFileSync(join(folder, ".npmrc"), `//registry/:_authToken=$\{NPM_TOKEN}\n`);
  assert.deepEqual(withoutSecrets(env, folder), { PATH: "/bin", NPM_TOKEN: "t" });
});

test("in this process they are away while the project's code runs, and back afterwards", async () => {
  process.env.TSUGI_TEST_KEY = "k";
  const failing = whileHidden(["TSUGI_TEST_KEY"], async () => {
    assert.ok(!("TSUGI_TEST_KEY" in process.env));
    throw new Error("as it may");
  });
  await assert.rejects(failing, /as it may/);
  assert.equal(process.env.TSUGI_TEST_KEY, "k");
});
