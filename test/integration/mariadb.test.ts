import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildRelease, copyExample, exampleName, installPackages } from "../helpers/example.ts";
import { Host, makeHostPath } from "../helpers/host.ts";
import { startMariaDb } from "../helpers/mariadb.ts";
import { freePort } from "../helpers/ports.ts";
import { AdmiralWorkload, startTraffic } from "../helpers/traffic/index.ts";

const folder = mkdtempSync(join(tmpdir(), "tsugi-test-"));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

async function build(version: string): Promise<string> {
  const copy = copyExample(version, join(folder, version));
  await installPackages(copy);
  return (await buildRelease(copy, version)).tarball;
}

test("over MariaDB, an upgrade and a downgrade lose no row and no request", async () => {
  const mariaDb = await startMariaDb();
  cleanups.push(() => mariaDb.stop());
  const [first, second] = [await build("0.0.1"), await build("0.0.2")];

  const root = join(folder, "host");
  mkdirSync(root);
  const port = await freePort();
  const host = new Host({
    root,
    name: exampleName,
    path: makeHostPath(join(folder, "host-path")),
    env: { PORT: String(port), HOST: "127.0.0.1", DATABASE_URL: mariaDb.url },
  });
  await host.extract(first);
  cleanups.push(() => host.app("stop"));
  await host.must("start");

  const workload = new AdmiralWorkload();
  const traffic = await startTraffic({ host: "127.0.0.1", port }, workload, {
    newConnection: 2,
    keepAlive: 4,
    webSockets: 4,
  });
  cleanups.push(() => traffic.stop());
  await traffic.answers(50);
  mkdirSync(join(root, "releases", "0.0.2"));
  cpSync(second, join(root, "releases", "0.0.2", `${exampleName}.tar.gz`));
  await host.must("upgrade", "0.0.2");
  await traffic.answers(50);
  await host.must("downgrade", "0.0.1");
  await traffic.answers(50);

  for (const tally of await traffic.stop()) {
    assert.equal(tally.failures, 0, `${tally.kind}: ${tally.problems.join("\n")}`);
    assert.equal(tally.counts.sent, tally.counts.answered);
    assert.deepEqual([...tally.byVersion.keys()].sort(), ["0.0.1", "0.0.2"]);
  }
  const response = await fetch(`http://127.0.0.1:${port}/totals`);
  const { live, stored } = (await response.json()) as Record<string, Record<string, number>>;
  const { imports, experience } = workload.acknowledged;
  assert.deepEqual(live, { imports, experience });
  assert.deepEqual({ imports: stored!.imports, experience: stored!.experience }, live);
});
