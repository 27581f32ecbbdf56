/** Values of `etc/env`, in the forms in which an application may throw them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Mask } from "../../../src/protocol/mask.ts";

const ENV = {
  PLAIN: "correct-horse",
  QUOTES: `it's "a secret" \\ of ours`,
  KEY: "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEE\n-----END KEY-----",
  URL: "postgres://u:p#ss word@db/x",
  PART: "correct-horse-battery",
};
const FRAGMENTS = /horse|battery|a secret|of ours|AAAABBBB|DDDDEEEE|p#ss|p%23ss/;

function masking(env: Record<string, string> = ENV): Mask {
  const mask = new Mask("/srv/wall");
  mask.learn(env);
  return mask;
}

describe("what errors say of etc/env", () => {
  for (const [how, text] of [
    ["as they are", Object.values(ENV).join(" ")],
    ["JSON", JSON.stringify(ENV)],
    ["JSON in JSON", JSON.stringify({ message: JSON.stringify(ENV) })],
    ["as console.log shows them", inspect(ENV)],
    ["in a short line each", inspect(ENV, { breakLength: 20 })],
    ["in a URL", Object.values(ENV).map(encodeURIComponent).join("&")],
    [
      "line by line",
      ENV.KEY.split("\n")
        .map((line) => `  at ${line}`)
        .join("\n"),
    ],
  ] as const) {
    test(`${how}: masked`, () => {
      assert.match(text, FRAGMENTS);
      const masked = masking().text(`Error: ${text}`);
      assert.doesNotMatch(masked, FRAGMENTS);
      assert.match(masked, /Error: [\s\S]*\*\*\*/);
    });
  }

  test("short ones, places and what everybody knows are not", () => {
    const env = {
      PORT: "4000",
      HOST: "127.0.0.1",
      NODE_ENV: "production",
      AT: "/srv/wall/var/x.sock",
    };
    const text = "EADDRINUSE 127.0.0.1:4000 /srv/wall/var/x.sock in production";
    assert.equal(masking({ ...env, ROOT: "/srv/wall" }).text(text), text);
  });

  test("what was known before stays known", () => {
    const mask = masking({ A: "first-secret" });
    mask.learn({ A: "second-secret" });
    assert.equal(mask.text("first-secret second-secret"), "*** ***");
  });

  test("of a report only what somebody has said: its own words stay as programs read them", () => {
    const secret = "handed-back";
    const report = {
      result: secret,
      reasons: [`because of ${secret}`],
      error: { code: secret, message: secret, details: { problem: secret, count: 3 } },
    };
    assert.deepEqual(masking({ A: secret }).document(report), {
      result: secret,
      reasons: ["because of ***"],
      error: { code: secret, message: "***", details: { problem: "***", count: 3 } },
    });
  });
});
