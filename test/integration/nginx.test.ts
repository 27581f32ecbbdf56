/** nginx in front, configured as its guide says, through an upgrade: no request fails, none counts twice. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import { findProgram, whyWithout } from "../helpers/debian.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { pageAt } from "../helpers/markdown.ts";
import { accepts, freePort } from "../helpers/ports.ts";
import { startTraffic, type Workload } from "../helpers/traffic/index.ts";

const missing = await whyWithout("nginx");

describe("nginx in front", { skip: missing }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-nginx-"));
  const releases: BuiltRelease[] = [];
  before(async () => {
    for (const version of ["1.0.0", "1.1.0"]) {
      const fixture = `counter-${version}`;
      const edit = { "src/server.ts": listenAlsoOnSocket };
      releases.push(await buildVariant(join(workshop, fixture), { fixture, edit }));
    }
  });
  after(() => rmSync(workshop, { recursive: true, force: true }));

  for (const way of ["a port", "a Unix socket"]) {
    test(`by ${way}, an upgrade and the way back cost no request`, async () => {
      const host = await Installed.start(releases[0]!, { env: { SOCKET: "http.sock" } });
      const socket = join(host.root, "var", "http.sock");
      const upstream = way === "a port" ? `127.0.0.1:${host.port}` : `unix:${socket}`;
      let nginx: Awaited<ReturnType<typeof startNginx>> | undefined;
      try {
        nginx = await startNginx(workshop, upstream, way !== "a port");
        const target = { host: "127.0.0.1", port: nginx.port };
        const traffic = await startTraffic(target, increments, {
          newConnection: 2,
          keepAlive: 6,
          pauseMs: 5,
        });
        await traffic.answers(20);
        host.drop(releases[1]!);
        assert.equal((await host.report("upgrade", "1.1.0")).status, 0);
        await traffic.answers(20);
        assert.equal((await host.report("rollback")).status, 0);
        await traffic.answers(20);
        let answered = 0;
        for (const { counts, failures, kind, problems, byVersion } of await traffic.stop()) {
          assert.equal(failures, 0, `${kind}: ${problems.join("; ")}`);
          assert.equal(counts.answered, counts.sent, kind);
          assert.deepEqual([...byVersion.keys()].sort(), ["1.0.0", "1.1.0"]);
          answered += counts.answered;
        }
        assert.equal((await host.get<{ sum: number }>("/")).sum, answered);
      } finally {
        await nginx?.stop();
        await host.remove();
      }
    });
  }
});

/** A POST, which nginx would never try twice. */
const increments: Workload = {
  request: (id) => ({ method: "POST", path: "/increment", headers: { "x-request-id": id } }),
  check: (id, { status, headers }) => {
    if (status !== 200) throw new Error(`status ${status}`);
    if (headers["x-request-id"] !== id) throw new Error("another request's answer");
    return headers["x-version"] ?? "?";
  },
};

const listenAlsoOnSocket = (text: string): string =>
  `${text.replace(
    '"content-type": "application/json"',
    '$&, "x-request-id": request.headers["x-request-id"] ?? "", "x-version": version',
  )}
const local = createServer(server.listeners("request")[0] as never);
local.listen({ path: process.env.SOCKET, readableAll: true, writableAll: true });
`;

/** Debian's nginx with the guide's own configuration, on a free port. */
async function startNginx(folder: string, upstream: string, isSocket: boolean) {
  const port = await freePort();
  const [site, socket] = pageAt("docs/guides/nginx.md")
    .blocks.filter(({ language }) => language === "nginx")
    .map(({ text }) => text) as [string, string];
  const whole = isSocket ? site.replace(/upstream greeter \{[^}]*\}\n/, socket) : site;
  const http = whole
    .replace(/(?<=^ {2}server )[^;]+/m, upstream)
    .replace("listen 80;", `listen 127.0.0.1:${port};`);
  assert.ok(http.includes(upstream) && http.includes(String(port)), http);
  const prefix = mkdtempSync(join(folder, "nginx-"));
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = places.map((name) => `${name}_temp_path ${join(prefix, name)};`).join("\n");
  const config = join(prefix, "nginx.conf");
  writeFileSync(
    config,
    `daemon off;\npid ${join(prefix, "pid")};\nerror_log ${join(prefix, "error.log")};
${process.getuid?.() === 0 ? "user root;" : ""}
events {}\nhttp {\naccess_log off;\n${temporary}\n${http}}\n`,
  );
  const program = findProgram("nginx")!;
  const args = ["-p", prefix, "-c", config, "-e", join(prefix, "error.log")];
  await mustRun(program, ["-t", ...args]);
  const nginx = spawn(program, args, { stdio: "ignore" });
  const ended = once(nginx, "exit");
  await until(
    "nginx accepts",
    () => {
      if (nginx.exitCode !== null) throw new Error(readFileSync(join(prefix, "error.log"), "utf8"));
      return accepts(port);
    },
    30_000,
  );
  return {
    port,
    stop: async () => {
      nginx.kill();
      await ended;
    },
  };
}
