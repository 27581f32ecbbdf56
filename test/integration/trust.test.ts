/** Signed releases from end to end: `tsugi keys`, `release --sign`, `verify --keys`, and a host that trusts some. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { mustTsugi, temporaryFolder, tsugi } from "../helpers/projects.ts";
import { buildWall } from "../helpers/wall.ts";

const { folder, remove } = temporaryFolder("trust");
const wall = await buildWall({ "0.0.1": {}, "0.0.2": { extra: "/* another version */" } });
after(() => {
  wall.dispose();
  remove();
});

const keyFile = (name: string) => join(folder, `${name}.key`);
const publicLine = (name: string) => readFileSync(`${keyFile(name)}.pub`, "utf8");
await mustTsugi(["keys", "new", keyFile("old")], folder);
await mustTsugi(["keys", "new", keyFile("new"), "--comment", "since 2026"], folder);

/** Builds it again, which changes nothing but the signature. */
const sign = (version: string, name: string) =>
  mustTsugi(
    ["release", "--config", "tsugi.config.mjs", "--sign", keyFile(name), "--json"],
    join(wall.folder, version),
  );

const trust = (host: Host, ...lines: string[]) =>
  writeFileSync(join(host.root, "etc", "trusted_keys"), lines.join(""));

const listing = (host: Host) =>
  readdirSync(host.root, { recursive: true })
    .map(String)
    .filter((path) => !/^(run|log|var|etc)(\/|$)|^releases\/(\.staging|RELEASES\.json)$/.test(path))
    .sort();

describe("keys", () => {
  test("new makes a private file and the public line beside it, and overwrites neither", async () => {
    assert.equal(statSync(keyFile("old")).mode & 0o777, 0o600);
    assert.match(publicLine("old"), /^ed25519 [A-Za-z0-9+/]{43}= old\n$/);
    assert.match(publicLine("new"), / since 2026\n$/);
    const before = readFileSync(keyFile("old"));
    const again = await tsugi(["keys", "new", keyFile("old")], folder);
    assert.match(again.stderr, /TSUGI_KEY_EXISTS/);
    assert.equal(again.status, 1);
    assert.deepEqual(readFileSync(keyFile("old")), before);
    writeFileSync(`${keyFile("half")}.pub`, "mine");
    const half = await tsugi(["keys", "new", keyFile("half")], folder);
    assert.match(half.stderr, /TSUGI_KEY_EXISTS[\s\S]*half\.key\.pub is there/);
    assert.ok(!existsSync(keyFile("half")));
  });

  test("show prints the line for a private key, a public one, and a list of them", async () => {
    const list = join(folder, "list");
    writeFileSync(list, `# two\n${publicLine("old")}${publicLine("new")}`);
    const show = async (file: string) => (await mustTsugi(["keys", "show", file], folder)).stdout;
    assert.equal(await show(keyFile("old")), publicLine("old"));
    assert.equal(await show(`${keyFile("new")}.pub`), publicLine("new"));
    assert.equal(await show(list), publicLine("old") + publicLine("new"));
    const json = await mustTsugi(["keys", "show", list, "--json"], folder);
    const lines = JSON.parse(json.stdout).keys.map(({ line }: { line: string }) => `${line}\n`);
    assert.deepEqual(lines, [publicLine("old"), publicLine("new")]);
  });

  test("a key that others can read, or that is none, is refused before anything is built", async () => {
    const exposed = join(folder, "exposed.key");
    writeFileSync(exposed, readFileSync(keyFile("old")), { mode: 0o600 });
    chmodSync(exposed, 0o644);
    for (const [key, says] of [
      [exposed, /others can read it \(mode 644/],
      [`${keyFile("old")}.pub`, /expected an Ed25519 private key/],
      [join(folder, "none"), /ENOENT/],
    ] as const) {
      const result = await tsugi(["release", folder, "--sign", key], folder);
      assert.match(result.stderr, /TSUGI_KEY_INVALID/);
      assert.match(result.stderr, says);
      assert.equal(result.status, 1);
    }
  });
});

describe("a signed release", () => {
  test("has the releaseId of the unsigned one, and its signature is checked by verify", async () => {
    const unsigned = JSON.parse(
      (await mustTsugi(["verify", wall.tarball("0.0.1"), "--json"], folder)).stdout,
    );
    assert.equal(unsigned.signedBy, null);
    const signed = JSON.parse((await sign("0.0.1", "old")).stdout);
    assert.equal(signed.releaseId, unsigned.releaseId);
    assert.equal(signed.already, false);
    const again = JSON.parse((await sign("0.0.1", "old")).stdout);
    assert.deepEqual([again.already, again.sha256], [true, signed.sha256]);

    const keys = join(folder, "keys");
    const verify = (place: string) => tsugi(["verify", place, "--keys", keys], folder);
    writeFileSync(keys, publicLine("old"));
    for (const place of [wall.tarball("0.0.1"), wall.tree("0.0.1")]) {
      assert.match((await verify(place)).stdout, new RegExp(`signed by key ${signed.signedBy}`));
    }
    const none = await verify(wall.tarball("0.0.2"));
    assert.match(none.stderr, /TSUGI_SIGNATURE_REFUSED[\s\S]*not signed/);
    assert.equal(none.status, 4);
    writeFileSync(keys, publicLine("new"));
    const stranger = await verify(wall.tarball("0.0.1"));
    assert.match(stranger.stderr, /is not trusted here/);
    assert.equal(stranger.status, 4);
    rmSync(keys);
    const missing = await verify(wall.tarball("0.0.1"));
    assert.match(missing.stderr, /TSUGI_TRUSTED_KEYS_INVALID[\s\S]*no such file/);
    assert.equal(missing.status, 4);
  });

  test("can be signed with a key from stdin", async () => {
    const args = ["release", "--config", "tsugi.config.mjs", "--sign", "-", "--json"];
    const cli = join(import.meta.dirname, "..", "..", "dist", "cli", "main.mjs");
    const { status, stdout, output } = await runCommand(
      "sh",
      ["-c", 'exec "$0" "$@" < "$KEY"', process.execPath, cli, ...args],
      {
        cwd: join(wall.folder, "0.0.2"),
        env: { ...process.env, NODE_OPTIONS: "", KEY: keyFile("old") },
      },
    );
    assert.equal(status, 0, output);
    assert.match(JSON.parse(stdout).signedBy, /^[0-9a-f]{16}$/);
  });
});

describe("signing as a step of its own", () => {
  const unsigned = () => {
    copies += 1;
    const place = join(folder, `unsigned-${copies}.tar.gz`);
    writeFileSync(place, readFileSync(wall.tarball("0.0.1")));
    return place;
  };
  let copies = 0;

  test("a tarball gets the bytes that release --sign would have given it, by key or by program", async () => {
    const byKey = unsigned();
    const { stdout } = await mustTsugi(["sign", byKey, "--key", keyFile("new")], folder);
    assert.match(stdout, /wall 0\.0\.1 is whole, and signed by key [0-9a-f]{16}/);
    const program = join(folder, "signer");
    const code = `const c = require("crypto"), f = require("fs");
      process.stdout.write(c.sign(null, f.readFileSync(0), f.readFileSync(${JSON.stringify(keyFile("new"))})).toString("base64"))`;
    writeFileSync(program, `#!${process.execPath}\n${code}\n`, { mode: 0o755 });
    const byProgram = unsigned();
    const args = ["sign", byProgram, "--signer", program, "--public-key", `${keyFile("new")}.pub`];
    await mustTsugi(args, folder);
    assert.deepEqual(readFileSync(byProgram), readFileSync(byKey));
    await mustTsugi(["sign", byKey, "--key", keyFile("new")], folder);
    assert.deepEqual(readFileSync(byKey), readFileSync(byProgram), "again changes nothing");
    const keys = join(folder, "own_keys");
    writeFileSync(keys, publicLine("new"));
    await mustTsugi(["verify", byKey, "--keys", keys], folder);
    await sign("0.0.1", "new");
    assert.deepEqual(readFileSync(wall.tarball("0.0.1")), readFileSync(byKey));
    const wrong = await tsugi(
      [...args.slice(0, 4), "--public-key", `${keyFile("old")}.pub`],
      folder,
    );
    assert.match(wrong.stderr, /TSUGI_KEY_INVALID[\s\S]*no signature of that key/);
  });

  test("a release in a store, and what comes out of it, has the signature; one that is spoilt gets none", async () => {
    const store = join(folder, "signed-store");
    await mustTsugi(["push", unsigned(), "--store", store], folder);
    await mustTsugi(["sign", `${store}#wall@0.0.1`, "--key", keyFile("old")], folder);
    const keys = join(folder, "store_keys");
    writeFileSync(keys, publicLine("old"));
    await mustTsugi(["verify", `${store}#wall@0.0.1`, "--keys", keys], folder);
    const other = unsigned();
    const json = async (...args: string[]) =>
      JSON.parse((await mustTsugi([...args, "--json"], folder)).stdout);
    const first = (await json("sign", other, "--key", keyFile("old"))).signedBy;
    const resigned = await json("sign", other, "--key", keyFile("new"));
    assert.deepEqual(resigned.replacedSigner, first, "whose signature is gone is said");
    assert.deepEqual((await json("push", other, "--store", store)).replacedSigner, first);
    assert.ok(!("replacedSigner" in (await json("push", other, "--store", store))));
    const back = await json("sign", `${store}#wall@0.0.1`, "--key", keyFile("old"));
    assert.deepEqual([back.signedBy, back.replacedSigner], [first, resigned.signedBy]);
    const spoilt = unsigned();
    const bytes = readFileSync(spoilt);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(spoilt, bytes);
    const refused = await tsugi(["sign", spoilt, "--key", keyFile("old")], folder);
    assert.notEqual(refused.status, 0);
    assert.deepEqual(readFileSync(spoilt), bytes);
  });
});

describe("a host with etc/trusted_keys", () => {
  test("boots and takes what a trusted key signed; keys are rotated by adding and removing lines", async (t) => {
    await sign("0.0.1", "old");
    await sign("0.0.2", "new");
    const { host, get } = await wall.host(t);
    trust(host, publicLine("new"));
    const refused = await host.app("start");
    assert.equal(refused.status, 4, refused.output);
    assert.match(refused.stderr, /TSUGI_SIGNATURE_REFUSED/);
    trust(host, publicLine("old"));
    await host.must("start");

    const offered = await host.app("upgrade", wall.tarball("0.0.2"));
    assert.equal(offered.status, 4, offered.output);
    assert.match(offered.stderr, /TSUGI_SIGNATURE_REFUSED/);
    assert.equal((await get()).version, "0.0.1");
    trust(host, publicLine("old"), publicLine("new"));
    await host.must("upgrade", wall.tarball("0.0.2"));
    // What it let in stays when the key goes: a rollback at night must not fail for that.
    trust(host, publicLine("new"));
    await host.must("rollback");
    assert.equal((await get()).version, "0.0.1");
    await host.must("remove", "0.0.2");
    trust(host, publicLine("old"));
    assert.equal((await host.app("unpack", wall.tarball("0.0.2"))).status, 4);
  });

  test("does not run what a plain tar x has put there unsigned", async (t) => {
    await sign("0.0.1", "old");
    rmSync(dirname(wall.tarball("0.0.2")), { recursive: true });
    await mustTsugi(["release", "--config", "tsugi.config.mjs"], join(wall.folder, "0.0.2"));
    const { host, get } = await wall.host(t);
    trust(host, publicLine("old"));
    await host.must("start");
    await host.extract(wall.tarball("0.0.2"));
    for (const verb of ["upgrade", "check"]) {
      const result = await host.app(verb, "0.0.2");
      assert.equal(result.status, 4, result.output);
      assert.match(result.stderr, /TSUGI_SIGNATURE_REFUSED[\s\S]*not signed/);
    }
    assert.equal((await get()).version, "0.0.1");
  });

  test("takes nothing while the file is not right: it is never the same as no file", async (t) => {
    await sign("0.0.2", "new");
    const { host } = await wall.host(t);
    const before = listing(host);
    const keys = join(host.root, "etc", "trusted_keys");
    const faults: [string, () => void, RegExp][] = [
      ["empty", () => writeFileSync(keys, ""), /has no key/],
      ["only comments", () => writeFileSync(keys, "# soon\n\n"), /has no key/],
      [
        "a slip",
        () => writeFileSync(keys, `${publicLine("new")}ed25519 ${"A".repeat(42)}\n`),
        /line 2/,
      ],
      ["an ssh key", () => writeFileSync(keys, "ssh-ed25519 AAAAC3Nz me@here\n"), /line 1/],
      ["writable by all", () => writeFileSync(keys, publicLine("new")), /everybody may write/],
      ["a link to nowhere", () => symlinkSync("gone", keys), /ENOENT/],
      ["a folder", () => mkdirSync(keys), /EISDIR/],
    ];
    for (const [what, make, says] of faults) {
      rmSync(keys, { recursive: true, force: true });
      make();
      if (what === "writable by all") chmodSync(keys, 0o666);
      const result = await host.app("unpack", wall.tarball("0.0.2"));
      assert.match(result.stderr, /TSUGI_TRUSTED_KEYS_INVALID/, what);
      assert.match(result.stderr, says, what);
      assert.equal(result.status, 4, what);
    }
    assert.deepEqual(listing(host), before);
  });
});

describe("a host that has what comes last in a tarball", () => {
  test("refuses one that is cut off or goes on behind its end, by unpack and by upgrade", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const before = listing(host);
    const offered = join(folder, "damaged.tar.gz");
    const refuse = async (bytes: Buffer, what: string) => {
      writeFileSync(offered, bytes);
      for (const verb of ["unpack", "upgrade"]) {
        const { status, stderr } = await host.app(verb, offered);
        assert.match(stderr, /TSUGI_UNPACK_REFUSED/, `${verb} ${what}`);
        assert.equal(status, 4, `${verb} ${what}`);
      }
      assert.deepEqual(listing(host), before);
    };
    const whole = readFileSync(wall.tarball("0.0.2"));
    await refuse(whole.subarray(0, whole.length >> 1), "half of it");
    await refuse(whole.subarray(0, -1), "all but a byte");
    await refuse(Buffer.concat([whole, Buffer.from("garbage")]), "with more behind it");
    assert.equal((await get()).version, "0.0.1");
    await host.must("upgrade", wall.tarball("0.0.2"));
  });
});
