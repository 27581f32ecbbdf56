/** A root that is moved while it runs: what works on, and what is refused, with the way to mend it. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildWall } from "../helpers/wall.ts";

const wall = await buildWall({ "0.0.1": {}, "0.0.2": {} });
after(() => wall.dispose());
const QUICK = { timeout: 60_000 };

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
