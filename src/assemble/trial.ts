/**
 * What was packed is tried before it is called built: in a throwaway root, with an environment that
 * has nothing but a free PORT, it is started, asked for `/` where it listens, and stopped.
 *
 *   packed wrong (a module, a file that is not there …)   an error: no host could start it
 *   anything else (no database, no variable here)         a warning with the app's own last words
 */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonIn } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { type CommandResult, runCommand, type Surroundings } from "../pack/commands.ts";
import type { BuildLog } from "../pack/log.ts";
import { isError, isFrame } from "../protocol/errorLines.ts";
import type { Status } from "../protocol/report.ts";
import { layoutOf } from "../release/layout.ts";
import { listeningPorts } from "./listeningPorts.ts";
import { nextAfter, packedWrong } from "./trialWords.ts";
import { tellWritten, WrittenBeside } from "./writtenBeside.ts";

const ANSWER_TIMEOUT_MS = 10_000;
const LISTEN_TIMEOUT_MS = 5_000;

export interface Tried {
  name: string;
  version: string;
  /** What processes there are, to propose something for. */
  process: string;
  /** A code that listens is waited for, though not for long: what it waits for may be no more here than a database. */
  listens: boolean;
  /** For hosts that have what it needs, and try it themselves: what it lacks here is a line. */
  isBrief: boolean;
}

/** TSUGI_TRY=0 is --no-try for builds that something else starts, such as a deploy's. */
export const isTried = (asked: boolean | undefined): boolean =>
  asked ?? process.env.TSUGI_TRY !== "0";

/** @throws TSUGI_TRY_FAILED */
export async function tryRelease(tarball: string, what: Tried, log: BuildLog): Promise<void> {
  log.step("Trying it");
  const root = await realpath(await mkdtemp(join(tmpdir(), "tsugi-try-")));
  const trial = new Trial(root, what);
  try {
    await trial.extract(tarball);
    const written = new WrittenBeside(trial.versionFolder);
    try {
      await trial.run(log);
    } finally {
      await trial.stop();
    }
    tellWritten(written.found(), log);
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

class Trial {
  readonly #what: Tried;
  readonly #root: string;
  readonly #layout;
  readonly #env: NodeJS.ProcessEnv;

  constructor(root: string, what: Tried) {
    this.#root = root;
    this.#what = what;
    this.#layout = layoutOf(root, what.name);
    const { PATH, LANG, TMPDIR } = process.env;
    this.#env = { PATH, LANG, TMPDIR, HOME: root, TSUGI_EPHEMERAL: "1" };
  }

  get versionFolder(): string {
    return join(this.#root, "lib", `${this.#what.name}-${this.#what.version}`);
  }

  async extract(tarball: string): Promise<void> {
    const { code, stderr } = await runCommand("tar", ["xzf", tarball], this.#root);
    if (code !== 0) throw new TsugiError("TSUGI_BUILD_FAILED", { what: "tar", problem: stderr });
  }

  async run(log: BuildLog): Promise<void> {
    const port = await freePort();
    await mkdir(this.#layout.etc, { recursive: true });
    await writeFile(this.#layout.etcEnv, `PORT=${port}\n`, { mode: 0o600 });
    if (this.#what.listens) {
      const timeouts = { readyAfterMs: LISTEN_TIMEOUT_MS };
      await writeFile(this.#layout.etcConfig, JSON.stringify({ timeouts }));
    }
    const started = await this.#app("start");
    if (started.code !== 0) {
      return this.#judge("It does not start here", await this.#lastWords(started), log);
    }
    const status = await ask(port);
    if (status === "none") return this.#tellElsewhere(port, log);
    await this.#tell(status, port, "PORT", log);
  }

  /** `place`: where it was asked, for people. */
  async #tell(status: Answer, port: number, place: string, log: BuildLog): Promise<void> {
    const isUnharmed = status === "other" && (await this.#isUnharmed(port));
    const words = await this.#lastWords();
    if (isUnharmed && packedWrong(words) === undefined) {
      return log.note(
        `It starts; what listens on ${place} speaks no HTTP, so it was asked nothing`,
      );
    }
    if (typeof status === "string" || status >= 500) {
      const what = typeof status === "string" ? "broke off" : `answered ${status}`;
      this.#judge(`It started, and ${what} when it was asked for /`, words, log);
    } else {
      const where = place === "PORT" ? "" : ` on ${place}`;
      log.note(`It starts, and answers ${status} to GET /${where}`);
    }
  }

  async stop(): Promise<void> {
    await this.#app("stop").catch(() => {});
  }

  /** @throws TSUGI_TRY_FAILED */
  #judge(what: string, words: string, log: BuildLog): void {
    const wrong = packedWrong(words);
    if (wrong !== undefined) throw new TsugiError("TSUGI_TRY_FAILED", { what, words, ...wrong });
    if (this.#what.isBrief) {
      const reason = /(?:Error|did not start): (.{1,120})/.exec(words)?.[1];
      log.note([`${what}, without a host's etc/env`, ...(reason ? [reason] : [])].join(": "));
      return;
    }
    log.warn(`${what}; its last words:\n${indented(words)}\n  ${nextAfter(words)}.`);
  }

  /** It has not died of what it was sent. Whoever died is known of when another one answers for it. */
  async #isUnharmed(port: number): Promise<boolean> {
    if ((await ask(port)) !== "other") return false;
    const slots = await this.#slots();
    return slots.length > 0 && slots.every(({ crash }) => crash === undefined);
  }

  async #slots() {
    const { code, stdout } = await this.#app("status", "--json");
    const status = code === 0 ? jsonIn<Partial<Status> | null>(stdout) : undefined;
    return (status?.processes ?? []).flatMap(({ slots }) => slots);
  }

  /** The supervisor, which holds the sockets, and the workers, which may hold some by themselves. */
  async #ports(): Promise<number[]> {
    const { stdout } = await this.#app("pid");
    const workers = (await this.#slots()).flatMap(({ pid }) => pid ?? []);
    return listeningPorts([Number(stdout), ...workers]);
  }

  /** Nothing answers at PORT: it may listen on a port that its code has chosen. */
  async #tellElsewhere(given: number, log: BuildLog): Promise<void> {
    const { process } = this.#what;
    const ports = await this.#ports();
    if (ports.includes(given)) {
      return log.note(
        "It starts; it listens on PORT at an address of its own, so it was not asked",
      );
    }
    if (ports.length === 0) {
      return log.note(
        `It starts; it listens on no port. If it may never run twice (a bot, a scheduler): processes: { ${process}: { …, overlap: false } }`,
      );
    }
    const [own] = ports;
    const status = ports.length === 1 ? await ask(own!) : "none";
    const place = `port ${ports.join(", ")}`;
    if (status === "none") log.note(`It starts, and listens on ${place}`);
    else await this.#tell(status, own!, place, log);
    log.note(
      `It does not listen on PORT, which a host may set: listen(process.env.PORT ?? ${own}) lets each host choose`,
    );
  }

  #app(...args: string[]): Promise<CommandResult> {
    const around = { env: this.#env, running: new Set() } as Surroundings;
    return runCommand(this.#layout.bin, args, this.#root, {}, around);
  }

  /** Of its log, without the time and the version of each line; else what the command said. */
  async #lastWords(result?: CommandResult): Promise<string> {
    const written = await readFile(this.#layout.appLog, "utf8").catch(() => "");
    const own = written
      .split("\n")
      .map((line) => /^\S+ (\S+) \d+ (.*)$/.exec(line))
      .filter((match) => match !== null && !match[1]!.startsWith("tsugi-"))
      .map((match) => match![2]!)
      // Of a stack, what is Node's own would push out the file and the line.
      .filter((line) => !/^\s+at .*\bnode:/.test(line))
      // And the rest of a long one the message above it.
      .filter((_, at, lines) => !lines.slice(at - FRAMES, at + 1).every(isFrame) || at < FRAMES);
    const text = own.some((line) => line.trim() !== "") ? own.join("\n") : (result?.stderr ?? "");
    return aroundError(text.replaceAll(this.#root, "<root>"));
  }
}

/** The last lines; of an error with more to say than fits, from it on, with the code that Node shows above it. */
function aroundError(text: string): string {
  const lines = text.trimEnd().split("\n");
  const error = lines.findLastIndex(isError);
  const last = Math.max(0, lines.length - TOLD);
  const begin = error < 0 ? last : Math.min(last, Math.max(0, error - 5));
  return lines.slice(begin, begin + TOLD).join("\n");
}

const TOLD = 12;
/** How many lines of a stack are told. */
const FRAMES = 4;

const indented = (text: string) => text.replace(/^/gm, "    ");

/** The status; none: nobody listens there; silent: somebody does, and answers nothing; other: with no HTTP. */
type Answer = number | "none" | "silent" | "other";

async function ask(port: number): Promise<Answer> {
  for (const host of ["127.0.0.1", "[::1]"]) {
    try {
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const response = await fetch(`http://${host}:${port}/`, { signal, redirect: "manual" });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      if (!isRefused(error)) return isTimeout(error) ? "silent" : "other";
    }
  }
  return "none";
}

const isTimeout = (error: unknown) => (error as Error).name === "TimeoutError";

function isRefused(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string; errors?: { code?: string }[] } };
  return cause?.code === "ECONNREFUSED" || cause?.errors?.[0]?.code === "ECONNREFUSED";
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
