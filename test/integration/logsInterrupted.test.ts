/** `tsugi logs` is ended by the first Ctrl-C, also where a host does not answer. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tsugiCli } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";

test("a host that says nothing: the first Ctrl-C ends it", { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-logs-"));
  const root = join(folder, "root");
  const asked = join(folder, "asked");
  mkdirSync(join(root, "bin"), { recursive: true });
  const mute = `#!/bin/sh\necho $$ >${asked}.part && mv ${asked}.part ${asked}\nexec sleep 600\n`;
  writeFileSync(join(root, "bin", "app"), mute, { mode: 0o755 });
  const here = { hosts: [{ host: "here", local: true, root }] };
  const config = { name: "app", environments: { here } };
  writeFileSync(join(folder, "tsugi.config.json"), JSON.stringify(config));

  const logs = spawn(process.execPath, [tsugiCli, "logs"], { cwd: folder, stdio: "ignore" });
  const ended = once(logs, "exit");
  t.after(() => {
    logs.kill("SIGKILL");
    if (existsSync(asked)) process.kill(Number(readFileSync(asked, "utf8")));
    rmSync(folder, { recursive: true, force: true });
  });
  await until("the host is asked", () => existsSync(asked));
  logs.kill("SIGINT");
  assert.deepEqual(await ended, [130, null]);
});
