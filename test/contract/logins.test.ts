/** Hosts whose logins say other things than one has asked, in shells of all kinds, or nothing at all. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { TsugiError } from "../../src/contract/errors.ts";
import { SshTransport } from "../../src/transport/index.ts";
import type { SshTarget } from "../../src/transport/ssh.ts";
import { type Program, whyWithout } from "../helpers/debian.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";

const RUN = 'sh -c "$SSH_ORIGINAL_COMMAND"';

const folder = mkdtempSync(join(tmpdir(), "tsugi-logins-"));
/** A line for each login. */
const counted = join(folder, "counted");

/** What stands between sshd and a command, on hosts where all is well in the end. */
const WELL: Record<string, { login: string; needs?: Program }> = {
  noisy: {
    login: `echo hello; echo 'warning: old' >&2; printf 'no line break'; printf '{"error":' >&2
${RUN}; code=$?; echo bye; echo 'exit' >&2; exit $code`,
  },
  chatty: { login: `yes 'all work and no play' | head -n 20000; ${RUN}` },
  slow: { login: `sleep 1; exec ${RUN}` },
  "slow to end": { login: `${RUN}; sleep 600 & trap 'kill $!' EXIT HUP TERM; wait` },
  "liar about exit codes": { login: `${RUN}; exit 0` },
  counted: { login: `echo >>'${counted}'; exec ${RUN}` },
  bash: { login: 'exec bash -c "$SSH_ORIGINAL_COMMAND"' },
  csh: { login: 'exec tcsh -c "$SSH_ORIGINAL_COMMAND"', needs: "tcsh" },
  fish: { login: 'exec fish -c "$SSH_ORIGINAL_COMMAND"', needs: "fish" },
};

const ILL: Record<string, string> = {
  silent: "exec sleep 600",
  talkative: "while sleep 0.05; do echo one moment; done",
  inquisitive: `printf 'Which environment? '; read -r answer; ${RUN}`,
  "without a shell": "echo 'This account is currently not available.'; exit 1",
  // The whole group: what is left of it might read on, and the connection would stay.
  "cut short": `case $SSH_ORIGINAL_COMMAND in *IFS*) ${RUN} | { head -c 300; kill 0; } ;; *) ${RUN} ;; esac`,
};

let skip = await whyNoSshd();
for (const { needs } of Object.values(WELL)) {
  if (needs !== undefined) skip ||= await whyWithout(needs);
}
const aliasOf = (name: string) => name.replaceAll(" ", "-");
let fleet: SshFleet;

before(async () => {
  if (skip) return;
  const scripts = [...Object.entries(WELL).map(([name, { login }]) => [name, login] as const)];
  const logins = [...scripts, ...Object.entries(ILL)].map(([name, login]) => [
    aliasOf(name),
    login,
  ]);
  const names = logins.map(([name]) => name!);
  fleet = await startSshHosts(names, { logins: Object.fromEntries(logins) });
});
after(() => fleet?.remove());
after(() => rmSync(folder, { recursive: true }));

async function withHost<T>(
  name: string,
  body: (host: SshTransport) => Promise<T>,
  options: Partial<SshTarget> = {},
): Promise<T> {
  const target = { host: aliasOf(name), configFile: fleet.configFile, loginMs: 5_000 };
  const host = new SshTransport({ ...target, ...options });
  try {
    return await body(host);
  } finally {
    await host.close();
  }
}

const failsWith = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TsugiError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};

for (const name of Object.keys(WELL)) {
  test(`a login that is ${name}: what was asked comes back, and nothing else`, {
    skip,
  }, async () => {
    await withHost(name, async (host) => {
      const program = `if [ "$1" = 'it'"'"'s $HOME!' ]; then\n  printf '\\\\%s\\n.' "$2"\nfi\nprintf err >&2\nexit 7`;
      const argv = ["sh", "-c", program, "sh", "it's $HOME!", "\\n* ü"];
      assert.deepEqual(await host.run(argv), {
        exitCode: 7,
        stdout: "\\\\n* ü\n.",
        stderr: "err",
      });
      const bytes = randomBytes(2_000_000);
      const sum = createHash("sha256").update(bytes).digest("hex");
      const { stdout } = await host.run(["sha256sum"], { stdin: bytes });
      assert.equal(stdout.split(" ")[0], sum);
    });
  });
}

describe("a login that is asked one question after another", { skip }, () => {
  test("is one login, whatever the commands read of stdin, and however they end", async () => {
    await withHost("counted", async (host) => {
      const logins = () => readFileSync(counted, "utf8").length;
      await host.run(["true"]);
      const before = logins();
      assert.equal((await host.run(["cat"])).stdout, "");
      const text = "a 'secret'\n\\n %s ü\n".repeat(100);
      assert.equal((await host.run(["cat"], { stdin: text })).stdout, text);
      assert.equal((await host.run(["true"], { stdin: text })).exitCode, 0);
      assert.equal((await host.run(["sh", "-c", "cd /; kill -9 $$"])).exitCode, 137);
      assert.equal(logins(), before);
    });
  });

  test("what is asked meanwhile has one of its own", async () => {
    await withHost("counted", async (host) => {
      const texts = ["one", "two", "three"];
      const both = texts.map((text) => host.run(["sh", "-c", `sleep 0.2; echo ${text}`]));
      assert.deepEqual(
        (await Promise.all(both)).map(({ stdout }) => stdout.trim()),
        texts,
      );
    });
  });

  test("where a connection compresses, what is long and compressed already goes beside it", async () => {
    const way = async (host: SshTransport, compressedBytes: number) => {
      const options = { stdin: Readable.from([Buffer.alloc(10)]), compressedBytes };
      const { stdout } = await host.run(["sh", "-c", "wc -c; echo $SSH_CONNECTION"], options);
      const [, count, connection] = /^\s*(\d+)\n(.+)\n$/.exec(stdout)!;
      assert.equal(count, "10");
      return connection;
    };
    for (const compresses of [true, false]) {
      await withHost(
        "noisy",
        async (host) => {
          const short = await way(host, 1_000);
          assert.equal(await way(host, 1_000), short);
          assert.equal((await way(host, 50_000_000)) !== short, compresses);
        },
        { compresses },
      );
    }
  });

  test("after one that has broken off, or was given up, the next is a new one", async () => {
    await withHost("noisy", async (host) => {
      const broken = host.run(["sh", "-c", "kill -9 $PPID"]);
      await assert.rejects(broken, failsWith("TSUGI_HOST_UNREACHABLE", /in the middle of/));
      assert.equal((await host.run(["echo", "again"])).stdout, "again\n");
      const silent = host.run(["sleep", "3"], { quietMs: 100 });
      await assert.rejects(silent, failsWith("TSUGI_HOST_SILENT", /sleep 3$/));
      assert.equal((await host.run(["echo", "and again"])).stdout, "and again\n");
    });
  });
});

describe("a login that is no good", { skip }, () => {
  for (const name of ["silent", "talkative"]) {
    test(`${name}: an error within its time limit names the host and what was asked`, async () => {
      const target = { host: name, configFile: fleet.configFile, loginMs: 500 };
      const host = new SshTransport(target);
      const words = new RegExp(`^${name} has said nothing for 0.5 s after: sh`);
      await assert.rejects(host.run(["true"]), failsWith("TSUGI_HOST_SILENT", words));
      await host.close();
    });
  }

  test("one that asks something is told by its question", async () => {
    await withHost("inquisitive", async (host) => {
      const words = /said nothing .*after: sh \(the login's last words: Which environment\?\)$/;
      await assert.rejects(host.run(["true"]), failsWith("TSUGI_HOST_SILENT", words));
    });
  });

  test("one that runs no sh says so, with its words", async () => {
    await withHost("without a shell", async (host) => {
      const words = /its login shell runs no sh: This account is currently not available/;
      await assert.rejects(host.run(["true"]), failsWith("TSUGI_HOST_UNREACHABLE", words));
    });
  });

  test("an answer that ends before its end is no answer, whatever the exit code is", async () => {
    await withHost("cut short", async (host) => {
      const words = /the connection ended in the middle of seq 1000/;
      await assert.rejects(host.run(["seq", "1000"]), failsWith("TSUGI_HOST_UNREACHABLE", words));
    });
  });
});

describe("a command that says nothing", { skip }, () => {
  test("has a time limit of its own, which its signs of life renew", async () => {
    await withHost("noisy", async (host) => {
      const seen = await host.run(["sh", "-c", "for i in 1 2 3; do sleep 0.3; echo $i; done"], {
        quietMs: 700,
      });
      assert.equal(seen.stdout, "1\n2\n3\n");
      const silent = host.run(["sleep", "5"], { quietMs: 200 });
      await assert.rejects(silent, failsWith("TSUGI_HOST_SILENT", /noisy .* 0.2 s after: sleep 5/));
    });
  });

  test("a signal ends the wait at once, also for the login", async () => {
    for (const [name, words] of [
      ["noisy", /enough/],
      ["silent", /enough/],
    ] as const) {
      await withHost(name, async (host) => {
        const abort = new AbortController();
        const running = host.run(["sleep", "3"], { signal: abort.signal });
        const begun = performance.now();
        abort.abort(new Error("enough"));
        await assert.rejects(running, words);
        assert.ok(performance.now() - begun < 1_000);
      });
    }
  });
});
