import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { configSchema } from "../../../src/config/schema.ts";
import { CHECKS } from "../../../src/contract/checks.ts";
import { SETTING_ROWS } from "../../../src/contract/settings.ts";
import { DEFAULT_SETTINGS, overlaySettings } from "../../../src/protocol/settings.ts";
import { projectRoot } from "../../helpers/example.ts";

const nested = (path: string, value: unknown): object =>
  path.split(".").reduceRight((below: unknown, key) => ({ [key]: below }), value) as object;

const VALUES = [0, 1, 1.5, -1, 70_000, "", "x", "/healthz", null, [], {}, true];

describe("a setting that runs with a release", () => {
  test("is taken and refused by the build as by the host", () => {
    for (const { path, kind } of SETTING_ROWS) {
      for (const value of VALUES) {
        const { success } = configSchema.safeParse(nested(path, value));
        assert.equal(success, CHECKS[kind](value), `${path}: ${JSON.stringify(value)}`);
      }
    }
  });

  test("has a default that it would take itself, or is left open", () => {
    const defaulted = SETTING_ROWS.filter((row) => row.default !== undefined);
    assert.ok(defaulted.length > 10);
    for (const { path, kind, default: value } of defaulted) {
      assert.ok(CHECKS[kind](value), path);
      const found = path
        .split(".")
        .reduce(
          (below, key) => (below as Record<string, unknown>)[key],
          DEFAULT_SETTINGS as unknown,
        );
      assert.equal(found, value, path);
    }
    assert.deepEqual(overlaySettings({ health: { path: "/healthz" } }).health, {
      ...DEFAULT_SETTINGS.health,
      path: "/healthz",
    });
  });

  test("is of a kind that an Erlang host knows, too", () => {
    const file = join(projectRoot, "src", "beam-host", "erl", "tsugi_settings.erl");
    const known = readFileSync(file, "utf8").matchAll(/^is_kind\(<<"((?:[^"\\]|\\.)+)">>/gm);
    const kinds = new Set([...known].map(([, kind]) => kind!.replaceAll('\\"', '"')));
    assert.deepEqual([...new Set(SETTING_ROWS.map(({ kind }) => kind))].sort(), [...kinds].sort());
  });
});
