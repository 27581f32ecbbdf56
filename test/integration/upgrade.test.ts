/** Upgrades of a real release on a host, and everything that can go wrong with one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Agent, get, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import type { Notice } from "../../src/protocol/documents.ts";
import { type BuiltRelease, buildVariant, type Variant } from "../helpers/fixtureReleases.ts";
import { Installed, type InstalledOptions, until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-upgrade-"));
const builds = new Map<string, Promise<BuiltRelease>>();
const build = (variant: Variant): Promise<BuiltRelease> => {
  const key = variant.version ?? variant.fixture;
  const known = builds.get(key);
  if (known) return known;
  const built = buildVariant(join(workshop, key), variant);
  builds.set(key, built);
  return built;
};

const one = () => build({ fixture: "counter-1.0.0" });
const two = () => build({ fixture: "counter-1.1.0" });
/** 1.1.0 with something changed in its server. */
const changed = (version: string, from: string, to: string) =>
  build({
    fixture: "counter-1.1.0",
    version,
    edit: { "src/server.ts": (text) => text.replace(from, to) },
  });

let installed: Installed | undefined;
const startOne = async (options?: InstalledOptions): Promise<Installed> => {
  installed = await Installed.start(await one(), options);
  return installed;
};

afterEach(async () => {
  await installed?.remove();
  installed = undefined;
});
after(() => rmSync(workshop, { recursive: true, force: true }));

/** The most memory that a process has had at a time. */
const peakBytes = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
};

/** A client with one connection that asks as soon as it was answered. */
class AskingAgain {
  longestMs = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #over: Promise<void>;
  #isStopping = false;

  constructor(port: number) {
    this.#over = this.#askAgain(port);
  }

  async #askAgain(port: number): Promise<void> {
    while (!this.#isStopping) {
      const begin = performance.now();
      const [response] = await once(get({ port, agent: this.#agent }), "response");
      await once(response.resume(), "end");
      this.longestMs = Math.max(this.longestMs, performance.now() - begin);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#over;
    this.#agent.destroy();
  }
}

const serves = async (host: Installed, version: string, sum: number): Promise<void> => {
  assert.equal((await host.get<{ version: string }>("/version")).version, version);
  assert.equal((await host.get<{ sum: number }>("/")).sum, sum);
};

describe("an upgrade that goes well", () => {
  test("carries and migrates the state, and reports what it measured", async () => {
    const host = await startOne();
    await host.post("/increment");
    await host.post("/increment");
    host.drop(await two());
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 0);
    assert.equal(report.result, "committed");
    assert.equal(report.strategy, "handoff");
    assert.ok(report.pauseMs > 0);
    assert.deepEqual(report.leftovers, []);
    const [state] = report.states;
    assert.equal(state?.name, "counter");
    assert.deepEqual([state?.from, state?.to, state?.rehearsed], [1, 2, true]);
    await serves(host, "1.1.0", 2);
  });

  for (const [strategy, fixture] of Object.entries({
    handoff: "counter",
    swap: "counter-accepts",
  })) {
    test(`says how many requests have waited for it: ${strategy}`, async () => {
      installed = await Installed.start(
        await build({ fixture: `${fixture}-1.0.0`, version: `1.0.0-${strategy}` }),
      );
      const host = installed;
      const slowly =
        "upgrade: { 1: (sum: number) => new Promise((resolve) => setTimeout(resolve, 400, { sum, increments: 0 })) }";
      const next = await build({
        fixture: `${fixture}-1.1.0`,
        version: `1.1.0-${strategy}`,
        edit: { "src/server.ts": (text) => text.replace(/upgrade: \{.*\}/, slowly) },
      });
      const clients = [new AskingAgain(host.port), new AskingAgain(host.port)];
      await until("they are served", () => clients.every(({ longestMs }) => longestMs > 0));
      const { report } = await host.report("upgrade", next.tarball);
      await Promise.all(clients.map((client) => client.stop()));
      assert.equal(report.strategy, strategy, JSON.stringify(report));
      for (const { longestMs } of clients) assert.ok(longestMs > 300, `${longestMs} ms`);
      assert.equal(report.requests.waited, 2);
    });
  }

  for (const [strategy, fixture] of Object.entries({
    handoff: "counter",
    swap: "counter-accepts",
  })) {
    test(`names the port that the new version has left: ${strategy}`, async () => {
      installed = await Installed.start(
        await build({ fixture: `${fixture}-1.0.0`, version: `1.0.0-left-${strategy}` }),
      );
      const host = installed;
      const elsewhere = (text: string) => text.replace("Number(process.env.PORT ?? 0)", "0");
      const next = await build({
        fixture: `${fixture}-1.1.0`,
        version: `1.1.0-left-${strategy}`,
        edit: { "src/server.ts": elsewhere },
      });
      const { report } = await host.report("upgrade", next.tarball);
      assert.equal(report.strategy, strategy, JSON.stringify(report));
      const port = `port ${host.port} of 127.0.0.1`;
      assert.deepEqual(report.closedListeners, [port]);
      const back = await host.host.must("rollback");
      assert.doesNotMatch(back.output, /no more on/);
      const again = await host.host.must("upgrade", next.version);
      assert.match(again.output, new RegExp(`listens {6}no more on ${port}, where 1\\.0\\.0-left`));
    });
  }

  test("is followed by a downgrade and a rollback that carry the state", async () => {
    const host = await startOne();
    host.drop(await two());
    await host.host.must("upgrade", "1.1.0");
    await host.post("/increment");
    const down = await host.report("downgrade", "1.0.0");
    assert.equal(down.status, 0);
    await host.post("/increment");
    await serves(host, "1.0.0", 2);
    const back = await host.report("rollback");
    assert.equal(back.status, 0);
    await serves(host, "1.1.0", 2);
  });

  test("to another Node replaces the supervisor and keeps the state", async () => {
    const host = await startOne();
    await host.post("/increment");
    const before = host.supervisorPid;
    const other = await build({
      fixture: "counter-1.1.0",
      version: "1.1.0-node22",
      node: "22.23.0",
    });
    const { status, report } = await host.report("upgrade", other.tarball);
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.strategy, "replace");
    assert.deepEqual(report.leftovers, []);
    assert.notEqual(host.supervisorPid, before);
    await until("the old supervisor is gone", () => !isRunning(before));
    await serves(host, other.version, 1);
    const { processes } = await host.status();
    assert.equal(processes[0]?.slots[0]?.node, "22.23.0");
    assert.equal((await host.report("downgrade", "1.0.0")).status, 0);
    await serves(host, "1.0.0", 1);
  });

  test("hands a large state over beside the supervisor, which never has it", async () => {
    const large = 'hot.state("large", { initial: () => new Uint8Array(96_000_000).fill(7) });';
    const release = await build({
      fixture: "counter-1.0.0",
      version: "1.0.5",
      edit: {
        "src/server.ts": (text) => text.replace("const server =", `${large}\nconst server =`),
      },
    });
    installed = await Installed.start(release);
    const host = installed;
    // What is carried has to be the old one's: its first byte is changed there.
    await host.host.must("rpc", 'state("large")[0] = 1');
    const before = peakBytes(host.supervisorPid);
    const { status, report } = await host.report("reload");
    assert.equal(status, 0, JSON.stringify(report));
    assert.ok(report.states.some(({ name, bytes }) => name === "large" && bytes > 96_000_000));
    const ends = await host.host.must("rpc", '[state("large")[0], state("large").at(-1)].join()');
    assert.equal(ends.stdout.trim(), "1,7");
    const grown = peakBytes(host.supervisorPid) - before;
    assert.ok(grown < 48_000_000, `the supervisor had ${grown} bytes more at once`);
  });

  test("to what runs already is nothing to do", async () => {
    const host = await startOne();
    const { status, report } = await host.report("upgrade", "1.0.0");
    assert.equal(status, 0);
    assert.equal(report.strategy, "none");
  });

  test("is attached to by the same command and refuses another one meanwhile", async () => {
    const host = await startOne();
    const wait = "await new Promise((resolve) => setTimeout(resolve, 2_000));\nserver.listen(";
    host.drop(await changed("1.2.0", "server.listen(", wait));
    host.drop(await two());
    await host.host.must("unpack", "1.1.0");
    const first = host.report("upgrade", "1.2.0");
    await until("the upgrade is under way", async () => (await host.status()).upgrade !== null);
    const second = host.report("upgrade", "1.2.0");
    const other = await host.host.app("upgrade", "1.1.0");
    assert.equal(other.status, 4, other.output);
    assert.match(other.output, /TSUGI_UPGRADE_UNDER_WAY/);
    const [a, b] = await Promise.all([first, second]);
    assert.deepEqual([a.status, b.status], [0, 0]);
    assert.equal(a.report.at, b.report.at);
  });
});

describe("an upgrade that goes wrong leaves the old version serving", () => {
  const refused = async (release: BuiltRelease, code: string, exit = 4): Promise<void> => {
    const host = installed ?? (await startOne());
    const { sum } = await host.post<{ sum: number }>("/increment");
    const pid = host.supervisorPid;
    host.drop(release);
    const { status, report, stderr } = await host.report("upgrade", release.version);
    assert.equal(status, exit, JSON.stringify(report));
    assert.ok(!stderr.includes("bin/<app>"), `a hint that can be typed: ${stderr}`);
    assert.equal(report.error?.code, code, JSON.stringify(report.error));
    await serves(host, "1.0.0", sum);
    assert.equal(host.supervisorPid, pid);
    const now = await host.status();
    assert.deepEqual([now.version, now.status], ["1.0.0", "permanent"]);
    await until("no worker is left over", () => runningWorkers(host).length === 1);
  };

  test("when the new version throws while it loads", async () => {
    const boom = 'throw new Error("boom");\nserver.listen(';
    await refused(await changed("1.3.0", "server.listen(", boom), "TSUGI_LOAD_FAILED");
    assert.match(installed!.log, /boom/);
  });

  test("when the new version exits while it loads", async () => {
    const exit = "process.exit(7);\nserver.listen(";
    await refused(await changed("1.3.1", "server.listen(", exit), "TSUGI_LOAD_FAILED");
  });

  test("when the old worker is killed meanwhile: what went with it is counted", async () => {
    const host = await startOne();
    const clients = [1, 2, 3].map(() => connect(host.port, "127.0.0.1"));
    await Promise.all(clients.map((client) => once(client, "connect")));
    assert.equal((await host.get<{ sum: number }>("/")).sum, 0);
    const slow = "await new Promise((resolve) => setTimeout(resolve, 20_000));\nserver.listen(";
    const next = await changed("1.3.8", "server.listen(", slow);
    const [old] = (await host.status()).processes[0]!.slots;
    const upgrading = host.host.app("upgrade", next.tarball);
    await until("both are there", () => runningWorkers(host).length === 2);
    process.kill(old!.pid, "SIGKILL");
    const { status, output } = await upgrading;
    for (const client of clients) client.destroy();
    assert.equal(status, 4, output);
    assert.match(output, /Refused: 1\.0\.0 serves again/);
    assert.match(output, /connections +[34] lost, with the worker that has died/);
    assert.match(output, /state as of +the restart: it was lost with its process/);
    await until("it serves again", () =>
      serves(host, "1.0.0", 0).then(
        () => true,
        () => false,
      ),
    );
  });

  test("when nothing says how the state gets to the new version", async () => {
    const other = await changed("1.3.2", "upgrade: { 1:", "upgrade: { 7:");
    await refused(other, "TSUGI_STATE_PATH_MISSING");
  });

  test("when the migration throws", async () => {
    const body = "=> ({ sum, increments: 0 })";
    const bad = await changed("1.3.3", body, '=> { throw new Error("no way"); }');
    await refused(bad, "TSUGI_STATE_FAILED");
  });

  test("when it is unhealthy in probation: handed back", async () => {
    await startOne({ config: { timeouts: { probationMs: 1_000 } } });
    const sick = "hot.health(() => false);\nconst server =";
    await refused(await changed("1.3.4", "const server =", sick), "TSUGI_UNHEALTHY", 5);
  });

  test("when a request never ends in probation: its state is taken all the same", async () => {
    const notify = { command: "cat >var/told" };
    await startOne({ config: { timeouts: { probationMs: 1_000 }, notify } });
    const host = installed!;
    const hang = 'if (request.url === "/hang") return;\n  if (request.url === "/") ';
    const sick = await build({
      fixture: "counter-1.1.0",
      version: "1.3.6",
      edit: {
        "src/server.ts": (text) =>
          text
            .replace("const server =", "hot.health(() => false);\nconst server =")
            .replace('if (request.url === "/") ', hang),
      },
    });
    host.drop(sick);
    const upgrading = host.report("upgrade", "1.3.6");
    await until("the new version serves", async () => {
      return (await host.get<{ version?: string }>("/version")).version === "1.3.6";
    });
    const stuck = request({ port: host.port, path: "/hang" }).on("error", () => {});
    stuck.end();
    await host.post("/increment");
    const { status, report } = await upgrading;
    assert.equal(status, 5);
    assert.ok(report.stateAsOf, "the report says that it is not whole");
    await serves(host, "1.0.0", 1);
    stuck.destroy();
    const told = join(host.root, "var", "told");
    await until("somebody is told", () => existsSync(told) && statSync(told).size > 0);
    const { event, text } = JSON.parse(readFileSync(told, "utf8")) as Notice;
    assert.equal(event, "handed-back");
    assert.match(text, /^upgrade 1\.0\.0 → 1\.3\.6: handed back: /);
  });

  test("when another generation had gone before: nothing more is heard of that one", async () => {
    const host = await startOne();
    await host.host.must("reload");
    const sick = await changed(
      "1.3.7",
      "const server =",
      "hot.health(() => false);\nconst server =",
    );
    host.drop(sick);
    assert.equal((await host.report("upgrade", "1.3.7")).status, 5);
    assert.match(host.log, /TSUGI_UNHEALTHY/);
    assert.doesNotMatch(host.log, /TSUGI_INTERNAL/);
    await serves(host, "1.0.0", 0);
  });

  test("when its worker dies in probation", async () => {
    const dying = "hot.health(() => process.exit(9));\nconst server =";
    await refused(await changed("1.3.5", "const server =", dying), "TSUGI_WORKER_DIED", 5);
  });
});

test("a freeze that runs out names what held it, and thaws", async () => {
  const hang = 'if (request.url === "/hang") return;\n  if (request.url === "/") ';
  const hanging = await build({
    fixture: "counter-1.0.0",
    version: "1.0.1",
    edit: { "src/server.ts": (text) => text.replace('if (request.url === "/") ', hang) },
  });
  installed = await Installed.start(hanging, { config: { timeouts: { freezeMs: 300 } } });
  const host = installed;
  const stuck = request({ port: host.port, path: "/hang" }).on("error", () => {});
  stuck.end();
  await host.post("/increment");
  host.drop(await two());
  const { status, report } = await host.report("upgrade", "1.1.0");
  assert.equal(status, 4);
  assert.equal(report.result, "thawed");
  assert.equal(report.error?.code, "TSUGI_FREEZE_TIMEOUT");
  assert.match(report.error?.message ?? "", /GET \/hang/);
  const failed = report.steps.filter((step) => step.failed);
  assert.deepEqual(
    failed.map(({ name }) => name),
    ["freeze"],
  );
  assert.ok(report.pauseMs >= 300, "what clients waited for nothing is a pause too");
  await serves(host, "1.0.1", 1);
  stuck.destroy();
  assert.equal((await host.report("upgrade", "1.1.0")).status, 0);
  await serves(host, "1.1.0", 1);
});

/** The version that `releases/permanent` names. */
const bootsNext = ({ host }: Installed): string | undefined =>
  readFileSync(join(host.root, "releases", "permanent"), "utf8").split(" ")[0];

test("install makes a release current, commit makes it permanent", async () => {
  const host = await startOne();
  host.drop(await two());
  await host.host.must("install", "1.1.0");
  await serves(host, "1.1.0", 0);
  assert.equal((await host.status()).status, "current");
  assert.equal(bootsNext(host), "1.0.0", "a crash now must boot the old one");
  await host.host.must("commit");
  assert.equal((await host.status()).status, "permanent");
  assert.equal(bootsNext(host), "1.1.0");
});

test("an upgrade that joins an install under way commits it, and does not wait for somebody else", async () => {
  const host = await startOne();
  const gated = await changed(
    "1.4.1",
    "const server =",
    `import { existsSync } from "node:fs";
while (existsSync(process.env.TSUGI_DATA_DIR + "/gate"))
  await new Promise((resolve) => setTimeout(resolve, 20));
const server =`,
  );
  const gate = join(host.root, "var", "gate");
  writeFileSync(gate, "");
  host.drop(gated);
  const installing = host.host.app("install", "1.4.1");
  await until("it loads", async () => (await host.status()).upgrade?.step === "load");
  const joined = spawn(host.host.bin, ["upgrade", "1.4.1"], { env: host.host.env });
  let said = "";
  for (const stream of [joined.stdout, joined.stderr]) stream.on("data", (text) => (said += text));
  const ended = once(joined, "close");
  await until("it has joined", () => said.includes("handoff"));
  rmSync(gate);
  const [code] = await ended;
  assert.equal(code, 0, said);
  assert.equal((await installing).status, 0);
  assert.equal(bootsNext(host), "1.4.1");
});

test("an installed release that is not committed is rolled back by hand-back", async () => {
  const host = await startOne();
  host.drop(await two());
  await host.host.must("install", "1.1.0");
  await host.post("/increment");
  await host.host.app("rollback");
  await serves(host, "1.0.0", 1);
  assert.equal((await host.host.app("commit")).status, 1);
});

test("check goes as far as the rehearsal and changes nothing", async () => {
  const host = await startOne();
  host.drop(await two());
  const checked = await host.host.app("check", "1.1.0");
  assert.equal(checked.status, 0, checked.output);
  await serves(host, "1.0.0", 0);
  const bad = await changed("1.4.0", "upgrade: { 1:", "upgrade: { 5:");
  host.drop(bad);
  assert.equal((await host.host.app("check", "1.4.0")).status, 4);
});

test("a stop names the answers that it has cut short", async () => {
  const hang = 'if (request.url === "/hang?key=1") return;\n  if (request.url === "/") ';
  const release = await changed("1.5.0", 'if (request.url === "/") ', hang);
  installed = await Installed.start(release, { config: { timeouts: { stopMs: 500 } } });
  const asked = get({ port: installed.port, path: "/hang?key=1" }).on("error", () => {});
  await once(asked, "finish");
  await installed.get("/");
  const { stderr } = await installed.host.must("stop");
  assert.match(stderr, /Cut short when the time to stop was over: GET \/hang \(0 bytes sent\)/);
  assert.match(installed.log, /cut short: GET \/hang \(0 bytes sent\)/);
});

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const runningWorkers = (host: Installed): number[] =>
  readFileSync(join(host.root, "run", "workers"), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { pid: number }).pid)
    .filter(isRunning);
