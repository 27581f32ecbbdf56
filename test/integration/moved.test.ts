/** A root that is moved while it runs: what works on, and what is refused, with the way to mend it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { movedFrom } from "../../src/control/moved.ts";
import { identityOf } from "../../src/platform/processes.ts";
import { layoutOf } from "../../src/release/layout.ts";
import { until } from "../helpers/installed.ts";
import { buildWall } from "../helpers/wall.ts";

const wall = await buildWall({ "0.0.1": {}, "0.0.2": {} });
after(() => wall.dispose());
const QUICK = { timeout: 60_000 };
const CONTAINER = { skip: process.getuid?.() !== 0 && "a mount namespace takes root" };

test(
  "a root that was moved while it runs refuses what would read or write there, and a restart mends it",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const moved = `${host.root}-moved`;
    renameSync(host.root, moved);
    const bin = join(moved, "bin", "wall");
    const at = (...args: string[]) => host.run(bin, args, { cwd: moved });
    t.after(() => at("stop"));
    for (const verb of [
      ["reload"],
      ["upgrade", wall.tarball("0.0.2")],
      ["check", wall.tarball("0.0.2")],
      ["unpack", wall.tarball("0.0.2")],
      ["downgrade", "0.0.1"],
      ["rollback"],
      ["prune"],
      ["commit"],
      ["metrics"],
    ]) {
      const { status, output } = await at(...verb);
      assert.equal(status, 4, `${verb}: ${output}`);
      assert.match(output, /TSUGI_ROOT_MOVED/, verb[0]);
      assert.ok(output.includes(`${bin} restart`) && output.includes(`mv ${moved} ${host.root}`));
    }
    const told = await at("status");
    assert.equal(told.status, 0, told.output);
    assert.ok(told.stdout.includes(`Moved while it ran, from ${host.root}: ${bin} restart`));
    assert.doesNotMatch(told.stdout, /etc\/ has changed/);
    const doctor = await at("doctor");
    assert.match(doctor.output, /its root was moved/);
    assert.equal((await at("ping")).status, 0);
    assert.equal((await get()).version, "0.0.1");

    // What stands where it was is never what it is moved onto.
    mkdirSync(host.root);
    assert.doesNotMatch((await at("reload")).output, /mv /);

    assert.equal((await at("restart")).status, 0);
    assert.equal((await at("upgrade", wall.tarball("0.0.2"))).status, 0);
    assert.equal((await get()).version, "0.0.2");
  },
);

test("a link that stands where a moved root was makes it whole again", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const moved = `${host.root}-moved`;
  renameSync(host.root, moved);
  symlinkSync(moved, host.root);
  await host.must("upgrade", wall.tarball("0.0.2"));
});

test(
  "a root that has another name for who looks from outside has not moved",
  CONTAINER,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-volume-"));
    const root = join(folder, "volume");
    const inside = join(folder, "inside");
    for (const made of [root, inside]) mkdirSync(made);
    const enter = ["--mount", "--propagation", "private", "sh", "-c"];
    const script = 'mount --bind "$0" "$1" && exec sleep 60';
    const env = { ...process.env, TSUGI_SUPERVISOR: JSON.stringify({ root: inside }) };
    const child = spawn("unshare", [...enter, script, root, inside], { env });
    t.after(() => {
      child.kill();
      rmSync(folder, { recursive: true });
    });
    const name = () => readFileSync(`/proc/${child.pid}/comm`, "utf8").trim();
    await until("it runs", () => name() === "sleep");
    const moved = () => movedFrom(layoutOf(root, "wall"), identityOf(child.pid!));
    assert.equal(moved(), undefined);
    renameSync(root, `${root}-moved`);
    mkdirSync(root);
    assert.equal(moved(), inside);
  },
);
