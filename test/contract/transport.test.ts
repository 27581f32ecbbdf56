/** One suite for every way to a host, and what only ssh can do wrong. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { getEventListeners } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TsugiError } from "../../src/contract/errors.ts";
import {
  LocalTransport,
  PrinterTransport,
  SshTransport,
  type Transport,
} from "../../src/transport/index.ts";
import { until } from "../helpers/installed.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();
let fleet: SshFleet;

before(async () => {
  if (!skip) fleet = await startSshHosts(["app1", "app2"]);
});
after(() => fleet?.remove());

const overSsh = (host = "app1") => new SshTransport({ host, configFile: fleet.configFile });

/** Tells its pid, for whoever has to end it: a host doesn't end what nobody listens to any more. */
const LONG = ["sh", "-c", "echo $$; exec sleep 600"];

function endIfThere(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // It has ended with its connection.
  }
}

function withResolvers() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Those that keep this process alive. */
const timers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

const WAYS: Record<string, () => Transport> = {
  ssh: () => overSsh(),
  local: () => new LocalTransport("here"),
};

for (const [way, open] of Object.entries(WAYS)) {
  describe(`transport: ${way}`, { skip: way === "ssh" && skip }, () => {
    let host: Transport;
    before(() => {
      host = open();
    });
    after(() => host.close());

    test("a command's output and exit code come back", async () => {
      const script = "printf out; printf err >&2; exit 7";
      const result = await host.run(["sh", "-c", script]);
      assert.deepEqual(result, { exitCode: 7, stdout: "out", stderr: "err" });
    });

    test("arguments arrive as they are", async () => {
      const argv = ["printf", "[%s]", "a b", "$HOME", "it's", '"', "", "*", "\n"];
      const { stdout } = await host.run(argv);
      assert.equal(stdout, "[a b][$HOME][it's][\"][][*][\n]");
    });

    test("stdin is streamed, and megabytes of it come through unchanged", async () => {
      const chunks = Array.from({ length: 48 }, () => randomBytes(100_000));
      const hash = createHash("sha256");
      const feed = async function* () {
        for (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      };
      const { stdout } = await host.run(["sha256sum"], { stdin: feed() });
      assert.equal(stdout.split(" ")[0], hash.digest("hex"));
    });

    test("without stdin a command reads its end at once", async () => {
      assert.equal((await host.run(["cat"])).stdout, "");
    });

    test("output is passed on while the command runs", async () => {
      let seen = "";
      let more = () => {};
      const gate = new Promise<void>((resolve) => {
        more = resolve;
      });
      const feed = async function* () {
        yield "one\n";
        await gate;
        yield "two\n";
      };
      const running = host.run(["cat"], {
        stdin: feed() as AsyncIterable<never>,
        onStdout: (text) => {
          seen += text;
        },
      });
      await until("the first line", () => seen === "one\n", 30_000);
      more();
      assert.equal((await running).exitCode, 0);
      assert.equal(seen, "one\ntwo\n");
    });

    test("a command that doesn't read its stdin is no failure", async () => {
      const result = await host.run(["sh", "-c", "exit 3"], { stdin: Buffer.alloc(5_000_000) });
      assert.equal(result.exitCode, 3);
    });

    test("a source of stdin that fails ends the command", async () => {
      const feed = async function* () {
        yield Buffer.from("half");
        throw new Error("the file is gone");
      };
      await assert.rejects(host.run(["cat"], { stdin: feed() }), /the file is gone/);
    });

    test("one that has ended keeps no program waiting, whatever its source says yet", async () => {
      const { promise: isLate, resolve: sayIt } = withResolvers();
      let isHeard = false;
      const source = async function* () {
        await isLate;
        try {
          yield new Uint8Array();
        } finally {
          isHeard = true;
        }
      };
      await host.run(["true"]);
      const before = timers();
      await host.run(["sh", "-c", "exit 3"], { stdin: source() });
      sayIt();
      await until("its source is heard", () => isHeard);
      assert.equal(timers(), before);
    });

    test("a signal for all commands hears of each only while it runs", async () => {
      const { signal } = new AbortController();
      for (const stdin of [undefined, "word"]) {
        await host.run(["true"], { signal, ...(stdin === undefined ? {} : { stdin }) });
      }
      assert.deepEqual(getEventListeners(signal, "abort"), []);
    });

    test("a signal ends it", async () => {
      const abort = new AbortController();
      let pid = "";
      const running = host.run(LONG, {
        signal: abort.signal,
        onStdout: (text) => {
          pid += text;
          abort.abort(new Error("enough"));
        },
      });
      await assert.rejects(running, /enough/);
      endIfThere(Number(pid));
    });
  });
}

describe("ssh", { skip }, () => {
  const unreachable = (words: RegExp) => (error: unknown) => {
    assert.ok(error instanceof TsugiError, String(error));
    assert.equal(error.code, "TSUGI_HOST_UNREACHABLE");
    assert.match(error.message, words);
    assert.match(error.hint, /ssh -F .* true$/);
    return true;
  };

  test("all commands share one connection, and closing leaves nothing behind", async (t) => {
    // A folder of its own: other tests connect meanwhile, too.
    const folder = mkdtempSync(join(tmpdir(), "tsugi-own-"));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder;
    t.after(() => {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      rmSync(folder, { recursive: true, force: true });
    });
    const host = overSsh("app2");
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => host.run(["sh", "-c", 'echo "$SSH_CONNECTION"'])),
    );
    assert.equal(new Set(clients.map(({ stdout }) => stdout)).size, 1);
    assert.equal(readdirSync(folder).length, 1);
    await host.close();
    assert.deepEqual(readdirSync(folder), []);
  });

  test("a host key that is not known is refused, and not learnt", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-known-"));
    const known = join(folder, "known_hosts");
    const configFile = join(folder, "config");
    writeFileSync(known, "");
    const text = readFileSync(fleet.configFile, "utf8").replaceAll(fleet.knownHosts, known);
    // Also where the user's own configuration would take any key.
    writeFileSync(configFile, `${text}\nHost *\n  StrictHostKeyChecking no\n`);
    const host = new SshTransport({ host: "app1", configFile });
    await assert.rejects(host.run(["true"]), unreachable(/Host key verification failed/));
    assert.equal(readFileSync(known, "utf8"), "");
    await host.close();
    rmSync(folder, { recursive: true });
  });

  test("another host key than before is refused", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-known-"));
    const [one, two] = readFileSync(fleet.knownHosts, "utf8").split("\n") as [string, string];
    const swapped = [two.split(" ")[2], one.split(" ")[2]];
    const known = join(folder, "known_hosts");
    const lines = [one, two].map((line, index) => line.replace(/\S+$/, swapped[index]!));
    writeFileSync(known, `${lines.join("\n")}\n`);
    const configFile = join(folder, "config");
    const text = readFileSync(fleet.configFile, "utf8").replaceAll(fleet.knownHosts, known);
    writeFileSync(configFile, text);
    const host = new SshTransport({ host: "app1", configFile });
    await assert.rejects(host.run(["true"]), unreachable(/Host key verification failed/));
    await host.close();
    rmSync(folder, { recursive: true });
  });

  test("a connection that is cut is a failure of the host, and the next command connects again", async () => {
    const host = overSsh();
    let pid = "";
    const cut = host.run(LONG, {
      onStdout: (text) => {
        pid += text;
        fleet.hosts[0]!.cut();
      },
    });
    await assert.rejects(cut, unreachable(/app1/));
    endIfThere(Number(pid));
    assert.equal((await host.run(["echo", "again"])).stdout, "again\n");
    await host.close();
  });

  test("where nobody listens, ssh's own words are in the error", async () => {
    const host = overSsh("app2");
    await fleet.hosts[1]!.stop();
    await assert.rejects(host.run(["true"]), unreachable(/Connection refused/));
    await fleet.hosts[1]!.start();
    assert.equal((await host.run(["echo", "up"])).stdout, "up\n");
    await host.close();
  });

  test("where there is no ssh, nothing is waited for", async () => {
    const { PATH } = process.env;
    const before = timers();
    const host = overSsh();
    process.env.PATH = fleet.folder;
    try {
      await assert.rejects(host.run(["true"]), unreachable(/spawn ssh ENOENT/));
    } finally {
      process.env.PATH = PATH;
    }
    await host.close();
    assert.equal(timers(), before);
  });

  test("a host's name is never an option", async () => {
    const host = new SshTransport({
      host: "-oProxyCommand=touch /tmp/x",
      configFile: fleet.configFile,
    });
    await assert.rejects(host.run(["true"]), { code: "TSUGI_HOST_UNREACHABLE" });
    await host.close();
  });
});

test("the printer prints what changes something, quoted, and runs what only reads", async () => {
  const printed: string[] = [];
  const print = (host: string, command: string) => printed.push(`${host}: ${command}`);
  const host = new PrinterTransport(new LocalTransport("here"), print);
  assert.equal((await host.run(["echo", "facts"], { readOnly: true })).stdout, "facts\n");
  assert.deepEqual(await host.run(["rm", "-rf", "a b"]), { exitCode: 0, stdout: "", stderr: "" });
  assert.deepEqual(printed, ["here: rm -rf 'a b'"]);
});
