import assert from "node:assert/strict";
import { test } from "node:test";
import { findProgram, needPackages } from "../../helpers/debian.ts";

test("a program that is there is found, and nothing is installed for it", async () => {
  assert.match(findProgram("sh") ?? "", /\/sh$/);
  await needPackages(["sh"], ["no-such-package"]);
});

test("where it is not root, a missing program names the apt-get line", async (context) => {
  context.mock.method(process as { getuid(): number }, "getuid", () => 1_000);
  await assert.rejects(
    needPackages(["no-such-program"], ["one-package", "another"]),
    /needs no-such-program\. Install: sudo apt-get install -y .* one-package another$/,
  );
});
