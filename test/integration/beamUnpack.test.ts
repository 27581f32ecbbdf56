/** Hostile archives on a BEAM host: the Erlang that unpacks there, alone, in a VM of this machine. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { elixirMissing } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { compileBeamHost, handmadeBeamRelease } from "../helpers/handmadeBeam.ts";
import {
  entriesOf,
  type HandmadeFile,
  pack,
  type RawEntry,
  temporaryFolder,
} from "../helpers/handmadeRelease.ts";
import { ambiguous } from "../helpers/rawTar.ts";

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const skip = await elixirMissing();

const honest = entriesOf(handmadeBeamRelease("0.0.2"));
const APP = "lib/shop-0.0.2/ebin/shop.app";
const change = (find: string, by: Partial<RawEntry>) =>
  honest.map((entry) => (entry.name === find ? { ...entry, ...by } : entry));
const add = (entry: RawEntry) => [...honest, entry];
const manifestWith = (extra: Record<string, HandmadeFile>) =>
  entriesOf(handmadeBeamRelease("0.0.2", extra));

const HOSTILE: Record<string, RawEntry[]> = {
  "a path that climbs out": add({ name: "../evil", bytes: "x" }),
  "an absolute path": add({ name: "/tmp/evil", bytes: "x" }),
  "a file that the manifest does not name": add({ name: "lib/shop-0.0.2/ebin/evil", bytes: "x" }),
  "a device": change(APP, { type: "character-device", bytes: "" }),
  "a pipe": add({ name: "lib/shop-0.0.2/pipe", type: "fifo" }),
  "a hard link": change(APP, { type: "link", linkname: "/etc/passwd", bytes: "" }),
  "a link where a file should be": change(APP, { type: "symlink", linkname: "/etc", bytes: "" }),
  "a setuid bit": change(APP, { mode: 0o4755 }),
  "other bytes of the same length": change(APP, { bytes: "x".repeat(30) }),
  "more bytes than promised": change(APP, { bytes: "x".repeat(50_000) }),
  "an entry twice": [...honest, honest.at(-1)!],
  "a missing file": honest.slice(0, -1),
  "no manifest in front": honest.slice(1),
  "a folder that no file lies in": add({ name: "var/evil", type: "directory", mode: 0o755 }),
  "a manifest with etc/": manifestWith({ "etc/trusted_keys": { bytes: "x" } }),
  "a manifest with start_erl.data": manifestWith({ "releases/start_erl.data": { bytes: "x" } }),
  "a manifest with another release": manifestWith({ "releases/0.0.1/sys.config": { bytes: "x" } }),
  "a manifest with another erts": manifestWith({ "erts-99/bin/beam.smp": { bytes: "x" } }),
  "a manifest with a file below a link": manifestWith({
    "lib/shop-0.0.2/priv/current/x": { bytes: "x" },
  }),
  "a manifest with a link out of the tree": manifestWith({
    "lib/shop-0.0.2/x": { link: "../../../etc" },
  }),
  "a manifest with names that differ only in case": manifestWith({
    "lib/shop-0.0.2/ebin/SHOP.app": { bytes: "x" },
  }),
  "a manifest with setuid": manifestWith({ "lib/shop-0.0.2/su": { bytes: "x", mode: 0o4755 } }),
};

/** One line for each file: its name, a tab, `ok` or the error's code, a tab, its words. */
const EVALUATE = `
  [begin
     Outcome = try tsugi_unpack:unpack(File, #{}) of #{already := false} -> "ok"; #{already := true} -> "here already"
               catch throw:Error -> maps:get(code, tsugi_error:to_map(Error));
                     _:Reason -> io_lib:format("crash ~0tp", [Reason]) end,
     io:format("~ts\\t~ts~n", [filename:basename(File), Outcome])
   end || File <- lists:sort(filelib:wildcard("offers/*"))], halt().`;

test("a hostile archive is refused on a BEAM host and leaves nothing behind", {
  skip,
}, async () => {
  const at = (...parts: string[]) => folder.at(...parts);
  for (const place of ["offers", "root/releases"]) {
    mkdirSync(at(place), { recursive: true });
  }
  const offers: Record<string, Buffer> = {};
  for (const [what, entries] of Object.entries(HOSTILE)) offers[what] = await pack(entries);
  const whole = await pack(honest);
  const plain = gunzipSync(whole);
  Object.assign(offers, {
    "all but a byte": whole.subarray(0, -1),
    "half of it": whole.subarray(0, whole.length / 2),
    "nothing at all": Buffer.alloc(0),
    "no gzip": Buffer.from("<html>"),
    "garbage behind it": Buffer.concat([whole, Buffer.from("garbage")]),
    "a bomb behind it": gzipSync(Buffer.concat([plain, Buffer.alloc(80_000_000)])),
  });
  for (const [what, bytes] of Object.entries(ambiguous(plain, APP))) offers[what] = bytes;
  const names = Object.keys(offers);
  names.forEach((what, index) => {
    writeFileSync(at("offers", String(index).padStart(3, "0")), offers[what]!);
  });
  writeFileSync(at("offers", "999"), whole);
  // A store sends no folders that are there; any other has to come.
  const without = (folder: string) =>
    pack(entriesOf(handmadeBeamRelease("0.0.3")).filter(({ name }) => !name.startsWith(folder)));
  const letters = { "lib/shop-0.0.4/priv/größe.txt": { bytes: "7\n" } };
  writeFileSync(
    at("offers", "999-letters"),
    await pack(entriesOf(handmadeBeamRelease("0.0.4", letters))),
  );
  writeFileSync(at("offers", "999-own"), await without("lib/"));
  writeFileSync(at("offers", "999-without-erts"), await without("erts-13.1/"));

  // Of what is here already nothing is taken, and it has to be whole all the same.
  writeFileSync(at("offers", "999-z-again"), whole);
  writeFileSync(at("offers", "999-z-cut"), whole.subarray(0, -1));
  writeFileSync(at("offers", "999-z-longer"), Buffer.concat([whole, Buffer.from("garbage")]));

  await compileBeamHost(at("ebin"));
  const { stdout } = await mustRun(
    "erl",
    ["+fnu", "-noshell", "-pa", at("ebin"), "-eval", EVALUATE],
    {
      cwd: folder.path,
      env: { ...process.env, TSUGI_ROOT: at("root"), TSUGI_NAME: "shop" },
      timeoutMs: 120_000,
    },
  );
  const outcomes = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[1]);
  assert.equal(outcomes.length, names.length + 7, stdout);
  names.forEach((what, index) => {
    assert.match(outcomes[index]!, /^TSUGI_(UNPACK_REFUSED|MANIFEST_INVALID)$/, what);
  });
  const [refused, last] = ["TSUGI_UNPACK_REFUSED", outcomes.slice(-7)];
  assert.deepEqual(
    last,
    ["ok", "ok", refused, "ok", "here already", refused, refused],
    "the honest ones",
  );
  assert.deepEqual(readdirSync(at("root", "releases", ".staging")), []);
  assert.deepEqual(readdirSync(at("root")).sort(), ["bin", "erts-13.1", "lib", "releases"]);
  assert.deepEqual(readdirSync(at("root", "lib")), ["shop-0.0.2", "shop-0.0.3", "shop-0.0.4"]);
  assert.deepEqual(readdirSync(folder.path).sort(), ["ebin", "offers", "root"], "beside the root");
});
