/** What a start that fails advises: another version only where that could help. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildWall } from "../helpers/wall.ts";

const config = { timeouts: { probationMs: 100, readyMs: 10_000 } };
const wall = await buildWall({ "0.0.1": { config }, "0.0.2": { config } });
after(() => wall.dispose());

test("where the host is to blame no other version is offered; a port that is taken says how to see by whom", {
  timeout: 60_000,
}, async (t) => {
  const { host, port } = await wall.host(t);
  await host.must("start");
  await host.must("upgrade", wall.tarball("0.0.2"));
  await host.must("stop");
  const env = join(host.root, "etc", "env");
  chmodSync(env, 0o644);
  const exposed = await host.app("start");
  assert.match(exposed.output, /TSUGI_ENV_EXPOSED/);
  assert.doesNotMatch(exposed.output, /was permanent before/);
  chmodSync(env, 0o600);

  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
  t.after(() => other.close());
  const taken = await host.app("start");
  assert.equal(taken.status, 1, taken.output);
  assert.ok(taken.output.includes(`Who has port ${port}: ss -ltnp sport = :${port}\n`));
  // It may be another port there.
  assert.match(taken.output, /0\.0\.1 was permanent before: \S+ start --version 0\.0\.1/);
  const status = await host.app("status");
  assert.ok(status.output.includes(`ss -ltnp sport = :${port}`), status.output);

  writeFileSync(join(host.root, "etc", "config.json"), "{");
  const broken = await host.app("start");
  assert.match(broken.output, /TSUGI_SETTINGS_INVALID/);
  assert.doesNotMatch(broken.output, /was permanent before/);
});
