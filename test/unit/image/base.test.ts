import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseImageName } from "../../../src/image/base.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("the name of a base", () => {
  const names: [text: string, host: string, repository: string, reference: string][] = [
    ["debian", "registry-1.docker.io", "library/debian", "latest"],
    ["debian:stable-slim", "registry-1.docker.io", "library/debian", "stable-slim"],
    ["docker.io/library/debian:13", "registry-1.docker.io", "library/debian", "13"],
    ["bitnami/node:24", "registry-1.docker.io", "bitnami/node", "24"],
    ["gcr.io/distroless/cc-debian12", "gcr.io", "distroless/cc-debian12", "latest"],
    ["localhost:5000/base:1", "localhost:5000", "base", "1"],
    ["localhost/base", "localhost", "base", "latest"],
    ["oci://registry.example/team/base:2", "registry.example", "team/base", "2"],
    ["docker://debian:13", "registry-1.docker.io", "library/debian", "13"],
    [`debian:13@${DIGEST}`, "registry-1.docker.io", "library/debian", DIGEST],
    [`registry.example:443/a/b@${DIGEST}`, "registry.example:443", "a/b", DIGEST],
  ];
  for (const [text, host, repository, reference] of names) {
    test(`${text.slice(0, 40)} is ${repository} of ${host}`, () => {
      assert.deepEqual(parseImageName(text), { host, repository, reference });
    });
  }

  for (const text of [
    "",
    "x/UPPER",
    "a b",
    "debian:",
    "/debian",
    "debian@sha256:12",
    "registry.example/../x",
  ]) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseImageName(text), { code: "TSUGI_IMAGE_BASE" });
    });
  }
});
