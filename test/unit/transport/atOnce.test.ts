/** A thousand hosts are reached a few at a time: each login is a key exchange, and this machine is in all of them. */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { LOGINS_AT_ONCE } from "../../../src/transport/atOnce.ts";
import { SshTransport } from "../../../src/transport/index.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";
import { until } from "../../helpers/installed.ts";

/** Sixty-four shells take their time to begin, where other tests run too. */
const PATIENCE_MS = 120_000;

/** Says when a login begins and ends; one lasts until there is a file `go`. */
const SSH = `#!/bin/sh
folder=\${0%/*}
while [ "$1" != -- ]; do
  case $1 in ControlMaster=yes) isLogin=yes ;; esac
  shift
done
if [ -n "$isLogin" ]; then
  echo begun >>"$folder/logins"
  until [ -e "$folder/go" ]; do sleep 1; done
  echo through >>"$folder/logins"
fi
exec sh -c "$3"
`;

test("so many hosts log in at once, and no more; the others have their turn, and their patience, later", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.at("ssh"), SSH);
  writeFileSync(folder.at("logins"), "");
  chmodSync(folder.at("ssh"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${folder.path}:${path}`;
  const logins = () => readFileSync(folder.at("logins"), "utf8").trim().split("\n");
  const count = LOGINS_AT_ONCE + 16;
  const hosts = Array.from(
    { length: count },
    (_, at) => new SshTransport({ host: `host${at}`, loginMs: PATIENCE_MS }),
  );
  const given = new SshTransport({ host: "given up" });
  try {
    const runs = hosts.map((host) => host.run(["echo", "there"]));
    const never = assert.rejects(given.run(["true"]), { code: "TSUGI_HOST_UNREACHABLE" });
    await until("logins", () => logins().length >= LOGINS_AT_ONCE, 60_000);
    await given.close();
    writeFileSync(folder.at("go"), "");
    for (const { stdout } of await Promise.all(runs)) assert.equal(stdout, "there\n");
    await never;
    let [now, most] = [0, 0];
    for (const what of logins()) {
      now += what === "begun" ? 1 : -1;
      most = Math.max(most, now);
    }
    assert.deepEqual([now, most, logins().length], [0, LOGINS_AT_ONCE, 2 * count]);
  } finally {
    process.env.PATH = path;
    await Promise.all(hosts.map((host) => host.close()));
  }
});
