import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { type Place, parsePlace, parseSshAddress } from "../../../src/store/reference.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const isInvalid = (error: unknown) =>
  error instanceof TsugiError && error.code === "TSUGI_REFERENCE_INVALID";

test("a text names a path, a release in a store, or a host", () => {
  const stored = (store: string | undefined, name: string, version: string): Place => ({
    kind: "stored",
    store,
    name,
    version,
  });
  const places: [string, Place][] = [
    ["wall@1.2.0", stored(undefined, "wall", "1.2.0")],
    ["wall@1.2.0+45.ab12cd34", stored(undefined, "wall", "1.2.0+45.ab12cd34")],
    ["wall@latest", stored(undefined, "wall", "latest")],
    ["./store#wall@1.2.0", stored("./store", "wall", "1.2.0")],
    ["/a#b#wall@1.2.0", stored("/a#b", "wall", "1.2.0")],
    ["ssh://me@h:2/srv/s#wall@1.2.0", stored("ssh://me@h:2/srv/s", "wall", "1.2.0")],
    ["ssh://h/srv/wall", { kind: "host", address: "ssh://h/srv/wall" }],
    ["rel/wall", { kind: "path", path: "rel/wall" }],
    ["wall-1.2.0.tar.gz", { kind: "path", path: "wall-1.2.0.tar.gz" }],
  ];
  for (const [text, place] of places) assert.deepEqual(parsePlace(text), place, text);
  for (const text of ["store#", "store#wall", "#wall@1.2.0", "store#../x@1", "s#wall@../1"]) {
    assert.throws(() => parsePlace(text), isInvalid, text);
  }
});

test("a path that is there is a path, whatever it looks like", () => {
  using folder = temporaryFolder();
  const path = folder.at("store#wall@1.2.0");
  mkdirSync(path);
  assert.deepEqual(parsePlace(path), { kind: "path", path });
});

test("an ssh address has a host and a folder, and can't be an option of ssh", () => {
  assert.deepEqual(parseSshAddress("ssh://me@h.example:2222/srv/my store"), {
    user: "me",
    host: "h.example",
    port: 2222,
    folder: "/srv/my store",
  });
  assert.deepEqual(parseSshAddress("ssh://[::1]/~/store"), { host: "::1", folder: "store" });
  for (const text of ["ssh://h", "ssh:///srv", "ssh://-oProxyCommand=x/f", "ssh://a@-x/f"]) {
    assert.throws(() => parseSshAddress(text), isInvalid, text);
  }
});
