/** Several processes and several workers of one release. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-processes-"));
let one: BuiltRelease;
let two: BuiltRelease;
let fewer: BuiltRelease;
let host: Installed;

/** What comes to the queue by plain TCP. */
const heard = (options: string): string => `
import { createServer } from "node:net";
const server = createServer((socket) => socket.on("error", () => {}).resume());
hot.sockets(server, ${options});
server.listen(Number(process.env.QUEUE_PORT ?? 0), "127.0.0.1");
`;

before(async () => {
  const fixture = "fleet-1.0.0";
  const brittle = `
import { existsSync } from "node:fs";
setInterval(() => {
  if (existsSync(process.env.TSUGI_DATA_DIR + "/trouble")) throw new Error("no database");
}, 20);
`;
  const edit = {
    "src/scheduler.ts": (text: string) => text + brittle,
    // A worker that ends in the midst of a step in which it is asked for what it has.
    "src/queue.ts": (text: string) => `${text}
import { existsSync } from "node:fs";
let isFrozen = false;
const endIn = (step) => {
  if (existsSync(process.env.TSUGI_DATA_DIR + "/trouble-in-" + step)) process.exit(9);
};
hot.freeze(() => {
  isFrozen = true;
  endIn("freeze");
});
${heard("{ save: () => isFrozen && endIn('announce') }")}`,
  };
  one = await buildVariant(join(workshop, "one"), { fixture, edit });
  two = await buildVariant(join(workshop, "two"), {
    fixture,
    version: "1.1.0",
    // It loads until a test lets it: what happens meanwhile happens within that step.
    edit: {
      "src/queue.ts": (text) => `import { existsSync, writeFileSync } from "node:fs";
const data = process.env.TSUGI_DATA_DIR;
if (existsSync(data + "/gate")) writeFileSync(data + "/at-the-gate", "");
while (existsSync(data + "/gate")) await new Promise((resolve) => setTimeout(resolve, 20));
${text}${heard("{}")}`,
    },
  });
  fewer = await buildVariant(join(workshop, "fewer"), {
    fixture,
    version: "1.2.0",
    edit: { "tsugi.config.json": (text) => text.replace('"workers": 2', '"workers": 1') },
  });
});
after(() => rmSync(workshop, { recursive: true, force: true }));
afterEach(() => host.remove());

interface Answer {
  slot: string;
  born: string;
  requests: number;
}
const journal = (who: string): string[] =>
  readFileSync(join(host.root, "var", "journal"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(who))
    .map((line) => line.replace(/^\S+ /, ""));

/** Asks until both slots have answered: which one does is the kernel's choice. */
async function askBoth(): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  await until("both workers answer", async () => {
    const answer = await host.get<Answer>("/");
    answers.set(answer.slot, answer);
    return answers.size === 2;
  });
  return answers;
}

test("every slot keeps its own state, and no request is lost over two workers", async () => {
  host = await Installed.start(one);
  await askBoth();
  const before = await askBoth();
  host.drop(two);
  const { status, report } = await host.report("upgrade", "1.1.0");
  assert.equal(status, 0, JSON.stringify(report));
  const workers = report.states.map(({ worker }) => worker).sort();
  assert.deepEqual(workers, ["api.0", "api.1"]);
  for (const [slot, answer] of await askBoth()) {
    assert.equal(answer.born, slot);
    assert.ok(answer.requests > before.get(slot)!.requests);
  }
});

test("a scheduler with overlap: false never runs twice, a consumer rests before the next consumes", async () => {
  host = await Installed.start(one);
  host.drop(two);
  assert.equal((await host.report("upgrade", "1.1.0")).status, 0);
  assert.equal((await host.report("downgrade", "1.0.0")).status, 0);
  const running = (await host.status()).processes;
  const pidOf = (name: string) => running.find((one) => one.name === name)!.slots[0]!.pid;

  const scheduled = journal("scheduler");
  assert.equal(scheduled.length, 5);
  let alive: string | undefined;
  for (const line of scheduled) {
    const [pid, what] = line.split(" ");
    if (what === "starts") {
      assert.equal(alive, undefined, `${pid} started while ${alive} ran`);
      alive = pid;
    } else {
      assert.equal(pid, alive);
      alive = undefined;
    }
  }
  assert.equal(Number(alive), pidOf("scheduler"));

  const consumed = journal("queue").map((line) => line.split(" ")[1]);
  assert.deepEqual(consumed, ["consumes", "rests", "consumes", "rests", "consumes"]);
});

test("fewer workers than hold state is refused before anything is tried", async () => {
  host = await Installed.start(one);
  host.drop(fewer);
  const refused = await host.host.app("upgrade", "1.2.0");
  assert.equal(refused.status, 4, refused.output);
  assert.match(refused.output, /TSUGI_WORKERS_LOSE_STATE/);
  assert.equal((await host.status()).version, "1.0.0");
});

test("a stop lets consumers rest before they end", async () => {
  host = await Installed.start(one);
  await host.host.must("stop");
  assert.deepEqual(
    journal("queue").map((line) => line.split(" ")[1]),
    ["consumes", "rests"],
  );
  assert.deepEqual(
    journal("scheduler").map((line) => line.split(" ")[1]),
    ["starts", "stops"],
  );
});

test("a crashed worker is restarted, the others go on", async () => {
  host = await Installed.start(one);
  const api = (await host.status()).processes.find((process) => process.name === "api")!;
  const [victim, other] = api.slots;
  process.kill(victim!.pid, "SIGKILL");
  await until("it is restarted", async () => {
    const now = (await host.status()).processes.find((process) => process.name === "api")!;
    const [first, second] = now.slots;
    assert.equal(second!.pid, other!.pid);
    return first!.pid !== victim!.pid && first!.healthy && first!.restarts === 1;
  });
  await askBoth();
});

test("one process that keeps crashing waits longer each time while the others serve, and an upgrade is its remedy", async () => {
  const notify = { command: "cat >>var/told" };
  host = await Installed.start(one, { config: { restarts: { max: 1, withinMs: 60_000 }, notify } });
  const trouble = join(host.root, "var", "trouble");
  writeFileSync(trouble, "");
  const scheduler = async () =>
    (await host.status()).processes.find(({ name }) => name === "scheduler")!.slots[0]!;
  const waiting = await until("it waits for its restart", async () => {
    const { crash } = await scheduler();
    return crash?.keepsCrashing && crash.nextAt !== undefined ? crash : undefined;
  });
  // It throws before it is ready, and is ended then.
  assert.match(waiting.why, /it did not load: .*no database/);
  await askBoth();
  await until("somebody is told", () => {
    const told = join(host.root, "var", "told");
    return existsSync(told) && /"event":"crash-loop".*no database/.test(readFileSync(told, "utf8"));
  });
  await until("a person sees it", async () => {
    const { stdout } = await host.host.must("status");
    return /scheduler\.0 keeps crashing: it did not load: .*no database/.test(stdout);
  });
  const before = await askBoth();
  host.drop(two);
  const { status, report } = await host.report("upgrade", "1.1.0");
  assert.equal(status, 0, JSON.stringify(report));
  const { pid, healthy, crash } = await scheduler();
  assert.ok(pid > 0 && healthy && crash === undefined);
  for (const [slot, answer] of await askBoth()) {
    assert.ok(answer.requests > before.get(slot)!.requests);
  }
});

test("an old worker that crashes once more while the new version loads does not refuse it", async () => {
  host = await Installed.start(one);
  const data = join(host.root, "var");
  const slotOf = async (name: string) =>
    (await host.status()).processes.find((one) => one.name === name)!.slots[0]!;
  const first = await slotOf("scheduler");
  process.kill(first.pid, "SIGKILL");
  const again = await until("it is restarted", async () => {
    const now = await slotOf("scheduler");
    return now.pid !== first.pid && now.healthy ? now : undefined;
  });
  writeFileSync(join(data, "gate"), "");
  host.drop(two);
  const upgrading = host.report("upgrade", "1.1.0");
  await until("the new version loads", () => existsSync(join(data, "at-the-gate")));
  process.kill(again.pid, "SIGKILL");
  await until("it is gone", () => !existsSync(`/proc/${again.pid}`));
  rmSync(join(data, "gate"));
  const { status, report } = await upgrading;
  assert.equal(status, 0, JSON.stringify(report));
  assert.equal(report.result, "committed");
  await askBoth();
});

for (const step of ["freeze", "announce"]) {
  test(`nor does one that dies of its ${step}; of a steady one it is a failure`, async () => {
    const queuePort = await freePort();
    host = await Installed.start(one, { env: { QUEUE_PORT: String(queuePort) } });
    const queue = async () =>
      (await host.status()).processes.find(({ name }) => name === "queue")!.slots[0]!;
    const speak = async () => {
      const client = connect(queuePort, "127.0.0.1").on("error", () => {});
      await once(client, "connect");
    };
    await askBoth();
    await speak();
    writeFileSync(join(host.root, "var", `trouble-in-${step}`), "");
    host.drop(two);
    const steady = await queue();
    const thawed = await host.report("upgrade", "1.1.0");
    assert.deepEqual([thawed.status, thawed.report.result], [4, "thawed"]);
    assert.equal(thawed.report.steps.at(-1)?.name, step);
    assert.equal(thawed.report.error?.code, "TSUGI_WORKER_DIED");
    await until("it is started again", async () => {
      const now = await queue();
      return now.pid !== steady.pid && now.healthy;
    });
    process.kill((await queue()).pid, "SIGKILL");
    await until("it has crashed lately", async () => {
      const now = await queue();
      return now.crash !== undefined && now.crash.nextAt === undefined && now.healthy;
    });
    await speak();
    const before = await askBoth();
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.deepEqual([status, report.result], [0, "committed"], JSON.stringify(report));
    for (const [slot, answer] of await askBoth()) {
      assert.ok(answer.requests > before.get(slot)!.requests, "the others' state has gone over");
    }
  });
}

test("SIGTERM in the middle of an upgrade: it ends well or goes back, then all stops", async () => {
  host = await Installed.start(one);
  host.drop(two);
  const upgrading = host.report("upgrade", "1.1.0").catch((error: Error) => error);
  await until("an upgrade is under way", async () => (await host.status()).upgrade !== null);
  const pid = host.supervisorPid;
  process.kill(pid, "SIGTERM");
  await upgrading;
  await until("the supervisor is gone", async () => (await host.host.app("ping")).status === 3);
  await host.host.must("start");
  assert.match((await host.status()).version, /^1\.[01]\.0$/);
});

test("SIGTERM while one is being installed: nobody will decide any more, so all stops", async () => {
  host = await Installed.start(one);
  const data = join(host.root, "var");
  writeFileSync(join(data, "gate"), "");
  host.drop(two);
  const installing = host.report("install", "1.1.0");
  await until("the new version loads", () => existsSync(join(data, "at-the-gate")));
  process.kill(host.supervisorPid, "SIGTERM");
  await until("the stop waits for it", () => /stops when the upgrade to 1\.1\.0/.test(host.log));
  rmSync(join(data, "gate"));
  await until("it is gone", async () => (await host.host.app("ping")).status === 3, 30_000);
  const { status, report } = await installing;
  assert.deepEqual([status, report.result], [5, "handed-back"], JSON.stringify(report));
  await host.host.must("start");
  assert.equal((await host.status()).version, "1.0.0");
});

test("who leaves a check is told to check again, not to upgrade", async () => {
  host = await Installed.start(one);
  const data = join(host.root, "var");
  writeFileSync(join(data, "gate"), "");
  host.drop(two);
  const { bin, environment } = host.host;
  const child = spawn(bin, ["check", "1.1.0"], { env: environment, cwd: host.root });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  await until("the new version loads", () => existsSync(join(data, "at-the-gate")));
  child.kill("SIGINT");
  await once(child, "close");
  assert.match(said, /see it: check 1\.1\.0 again, or status/);
  rmSync(join(data, "gate"));
});
