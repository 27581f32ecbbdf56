import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BEAM_ERRORS } from "../../../src/contract/errors/beam.ts";
import { BUILD_ERRORS } from "../../../src/contract/errors/build.ts";
import { COMMON_ERRORS } from "../../../src/contract/errors/common.ts";
import { DEPLOY_ERRORS } from "../../../src/contract/errors/deploy.ts";
import { RUNNING_ERRORS } from "../../../src/contract/errors/running.ts";
import { ERRORS as SHIPPED } from "../../../src/contract/errors/shipped.ts";
import { TREE_ERRORS } from "../../../src/contract/errors/tree.ts";
import {
  type DetailsOf,
  ERRORS,
  type ErrorCode,
  errorFromJson,
  errorToJson,
  TsugiError,
} from "../../../src/contract/errors.ts";
import { projectRoot } from "../../helpers/example.ts";

const TABLES = [
  COMMON_ERRORS,
  RUNNING_ERRORS,
  TREE_ERRORS,
  BEAM_ERRORS,
  BUILD_ERRORS,
  DEPLOY_ERRORS,
];

describe("the registry of errors", () => {
  test("a code stands in one table only", () => {
    const codes = TABLES.flatMap((table) => Object.keys(table));
    assert.equal(new Set(codes).size, codes.length);
    assert.deepEqual(codes.sort(), Object.keys(ERRORS).sort());
  });

  test("details that don't fit the texts do not compile", () => {
    // `npm run lint` fails where one of these lines compiles.
    // @ts-expect-error a placeholder that nobody fills
    new TsugiError("TSUGI_RELEASE_IN_USE", {});
    // @ts-expect-error nothing at all
    new TsugiError("TSUGI_RELEASE_IN_USE");
    // @ts-expect-error one that no text shows
    new TsugiError("TSUGI_RELEASE_IN_USE", { version: "1.0.0", colour: "red" });
    const details = { version: "1.0.0", process: "main" };
    // @ts-expect-error nor does it help to name them before
    new TsugiError("TSUGI_RELEASE_IN_USE", details);
    // @ts-expect-error an example in braces is no placeholder; the one inside it is
    new TsugiError("TSUGI_SECRET_FOUND", { places: "x" });
    const filled: DetailsOf<"TSUGI_SECRET_FOUND"> = { places: "x", file: "y" };
    assert.match(new TsugiError("TSUGI_SECRET_FOUND", filled).hint, /allow: \[\{ file: "y"/);
    // How the command is called may be left out: a worker does not know it.
    assert.match(new TsugiError("TSUGI_NOTHING_TO_COMMIT").hint, /bin\/<app> status/);
  });

  test("what the machine refuses is said so, and is no bug", () => {
    for (const code of ["ENOSPC", "EROFS", "EMFILE"]) {
      const error = Object.assign(new Error(`${code}: words, write`), { code });
      const told = errorToJson(error);
      assert.equal(told.code, "TSUGI_MACHINE_REFUSED");
      assert.equal(told.message, `The machine refuses it: ${code}: words, write`);
    }
    const path = "/srv/wall/etc/env";
    const owners = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", path });
    assert.equal(errorToJson(owners).code, "TSUGI_FILE_REFUSED");
    assert.equal(errorToJson(new TypeError("undefined")).code, "TSUGI_INTERNAL");
    assert.equal(errorToJson(undefined).code, "TSUGI_INTERNAL");
  });

  test("an error shows no login of an address, in its words nor in its details", () => {
    const shown = (store: string) => {
      const { message, details } = errorToJson(
        new TsugiError("TSUGI_STORE_FAILED", { store, problem: `it is ${store}` }),
      );
      assert.equal(message, `The store ${details?.store} can't be used: it is ${details?.store}.`);
      return details?.store;
    };
    for (const [given, expected] of [
      ["oci://alice:rabbit@host/wall:1.0.0", "oci://***@host/wall:1.0.0"],
      ["oci://alice:rab/bit@host:5000/wall@sha256:0a", "oci://***@sha256:0a"],
      ["oci://alice:rab@bit@host/wall@1.0.0", "oci://***@host/wall@1.0.0"],
      ["oci://alice:12345@host/wall", "oci://***@host/wall"],
      ["oci://:rabbit@[::1]:5000/wall", "oci://***@[::1]:5000/wall"],
      ["https://ghp_rabbit@host/wall", "https://***@host/wall"],
      ["ssh://alice:rabbit@host/srv/wall", "ssh://***@host/srv/wall"],
    ]) {
      assert.equal(shown(given!), expected);
    }
    for (const plain of [
      "ssh://alice@host/srv/wall",
      "git+ssh://git@host/wall",
      "oci://localhost:5000/wall@sha256:0a",
      "oci://[::1]:5000/wall@sha256:0a",
      "oci://host/wall@sha256:0a",
      "/srv/store#wall@1.0.0",
      "https://host:443/@scope/wall",
    ]) {
      assert.equal(shown(plain), plain);
    }
  });

  test("an error keeps its words on its way through a socket, also one that nobody here knows", () => {
    const sent = errorToJson(new TsugiError("TSUGI_RELEASE_IN_USE", { version: "1.0.0" }));
    assert.deepEqual(errorToJson(errorFromJson(JSON.parse(JSON.stringify(sent)))), sent);
    const later = errorFromJson({ ...sent, code: "TSUGI_OF_LATER", message: "words" });
    assert.match(later.message, /TSUGI_OF_LATER: words/);
  });
});

describe("what ships in a release", () => {
  const folder = join(projectRoot, "dist", "release");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[mc]js$/.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8"));

  test("names and defines the errors of a host, and none that only a build machine has", () => {
    assert.ok(texts.length > 10);
    const named = new Set(texts.flatMap((text) => text.match(/\bTSUGI_[A-Z_]+\b/g) ?? []));
    const codes = [...named].filter((code) => code in ERRORS) as ErrorCode[];
    assert.ok(codes.length > 40);
    assert.deepEqual(
      codes.filter((code) => !(code in SHIPPED)),
      [],
    );
  });
});
