import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../../src/config/load.ts";

const withHost = (host: unknown) => ({ environments: { production: { hosts: ["app1", host] } } });

for (const [what, config, problem] of [
  [
    "a host's key that there is not",
    withHost({ host: "app2", Root: "/srv" }),
    /hosts\.1: .*"Root"/,
  ],
  ["a host without its name", withHost({ root: "/srv" }), /hosts\.1\.host: .*string/],
  ["a port that is none", withHost({ host: "app2", port: 0 }), /hosts\.1\.port: .*>=1/],
  ["what is of no kind that fits", withHost(7), /hosts\.1: Invalid input/],
] as const) {
  test(`${what} is said by its place`, async () => {
    await assert.rejects(checkConfig(config, "tsugi.config.ts"), { message: problem });
  });
}
