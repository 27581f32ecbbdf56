/**
 * Hosts over OpenSSH's own client, so that ~/.ssh/config, agents, jump hosts, known_hosts and
 * hardware keys work as they do by hand. One connection a host, shared by all its commands:
 *
 *   ssh -M … host 'sh -c "echo …; cat"'     the master: lives as long as its stdin, which is ours,
 *                                           so it ends with us even when we are killed
 *   ssh -S … host 'sh -c …'                 over the master's connection: a program on stdin, its
 *                                           answer between marks (answer.ts). One such login answers
 *                                           what comes one after the other (dialogue.ts); what
 *                                           reads a stream, or comes meanwhile, has one of its own
 *   ssh host 'sh -c …'                      beside it, for what is long and compressed already, where
 *                                           the connection compresses: twice would take longer than
 *                                           another login
 *
 * Nobody is asked anything (BatchMode), and a host key that is not known yet, or another one than
 * before, is a failure: trusting a host is for a person to do, once, by hand.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { spawnChild } from "../platform/spawn.ts";
import { adviceFor } from "./advice.ts";
import { LOGIN_COMMAND, Question } from "./answer.ts";
import { amongLogins } from "./atOnce.ts";
import { orAborted, runChild } from "./child.ts";
import { DIALOGUE_COMMAND, Dialogue } from "./dialogue.ts";
import { commandText, Patience, quietMsOf, silentError } from "./patience.ts";
import { quoteCommand } from "./quote.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

export interface SshTarget {
  /** As ssh takes it: an alias of ~/.ssh/config, a name or an address. */
  host: string;
  user?: string;
  port?: number;
  /** An ssh configuration file in place of ~/.ssh/config. */
  configFile?: string;
  /** Most of what is said to it is text. */
  compresses?: boolean;
  /** How long a login may take until it runs what it is told; 30 seconds. */
  loginMs?: number;
}

/** What ssh exits with when the connection, not the command, has failed. */
const SSH_FAILED = 255;
const LOGIN_MS = 30_000;
/** Compressed again, by zlib at its sixth level, it takes as long as a login. */
const LONG_BYTES = 8_000_000;
const HELLO = "tsugi-is-connected";
const MASTER = quoteCommand(["sh", "-c", `echo ${HELLO} && exec cat >/dev/null`]);
const END_MS = 2_000;

const OPTIONS = Object.entries({
  BatchMode: "yes",
  StrictHostKeyChecking: "yes",
  ConnectTimeout: "15",
  // A host that is gone without a word is noticed within half a minute.
  ServerAliveInterval: "10",
  ServerAliveCountMax: "3",
  // Whatever the user's configuration says of interactive sessions with this host.
  ControlPersist: "no",
  ClearAllForwardings: "yes",
  PermitLocalCommand: "no",
  RemoteCommand: "none",
}).flatMap(([key, value]) => ["-o", `${key}=${value}`]);

export class SshTransport implements Transport {
  readonly name: string;
  readonly isDry = false;
  readonly #target: SshTarget;
  /** 0700, and its path short: a socket's may have about 100 bytes, and ssh appends 17. */
  readonly #folder = mkdtempSync(join(tmpdir().length > 60 ? "/tmp" : tmpdir(), "tsugi-"));
  readonly #loginMs: number;
  #master: ChildProcess | undefined;
  #connecting: Promise<void> | undefined;
  #dialogue: { dialogue: Dialogue; log: string } | undefined;
  #runs = 0;
  #isClosed = false;

  constructor(target: SshTarget) {
    this.name = target.host;
    this.#target = target;
    this.#loginMs = target.loginMs ?? LOGIN_MS;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    await orAborted(this.#connect(), options.signal);
    const stdin = wholeOf(options.stdin);
    const inTurn = stdin === undefined ? undefined : this.#freeDialogue();
    const log = inTurn?.log ?? this.#newLog();
    const question = new Question(argv);
    const tired = new AbortController();
    const patience = new Patience(this.#loginMs, (ms) => {
      const login = question.hasBegun ? "" : lastLines(question.noise);
      tired.abort(this.#silent(ms, argv, login));
    });
    // What a login prints is no sign of life of what was asked.
    question.stdout.once("begun", () => patience.renew(quietMsOf(options)));
    const onLife = () => {
      if (question.hasBegun) patience.renew(quietMsOf(options));
    };
    try {
      const signal = AbortSignal.any([tired.signal, ...(options.signal ? [options.signal] : [])]);
      const heard = { ...options, signal, onLife };
      const { stdout, stderr, exitCode } = await (inTurn === undefined
        ? runChild("ssh", this.#argumentsFor(options, log), {
            ...heard,
            stdin: lineFirst(question.line, options.stdin),
            through: { ...question.streams, isWhole: () => question.exitCode !== undefined },
          })
        : inTurn.dialogue.ask(question, stdin!, heard));
      if (question.exitCode !== undefined) return { exitCode: question.exitCode, stdout, stderr };
      throw this.#unreachable(readText(log) || brokenOff(question, argv, exitCode, stderr));
    } finally {
      patience.end();
      if (inTurn === undefined) rmSync(log, { force: true });
    }
  }

  /** Undefined while it is asked something else. */
  #freeDialogue() {
    if (this.#dialogue?.dialogue.isOver) this.#dialogue = undefined;
    if (this.#dialogue === undefined) {
      const log = this.#newLog();
      const dialogue = new Dialogue("ssh", this.#arguments("no", log, DIALOGUE_COMMAND));
      this.#dialogue = { dialogue, log };
    }
    return this.#dialogue.dialogue.isFree ? this.#dialogue : undefined;
  }

  #newLog(): string {
    this.#runs += 1;
    return join(this.#folder, `${this.#runs}.log`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dialogue?.dialogue.end();
    const master = this.#master;
    if (master !== undefined && master.exitCode === null && master.signalCode === null) {
      const ended = new Promise((resolve) => master.once("exit", resolve));
      const kill = setTimeout(() => master.kill("SIGKILL"), END_MS);
      master.stdin!.end();
      master.kill();
      await ended;
      clearTimeout(kill);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Anew where the connection was lost in the meantime. */
  #connect(): Promise<void> {
    this.#connecting ??= amongLogins(() => this.#startMaster()).catch((error) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #startMaster(): Promise<void> {
    if (this.#isClosed) throw this.#unreachable("nobody waits for it any more");
    const log = join(this.#folder, "master.log");
    rmSync(log, { force: true });
    const stdio: ["pipe", "pipe", "pipe"] = ["pipe", "pipe", "pipe"];
    const args = this.#arguments("yes", log, MASTER);
    const master = spawnChild("ssh", args, { detached: true, stdio });
    this.#master = master;
    let [stdout, stderr] = ["", ""];
    master.stdin.on("error", () => {});
    master.stderr.setEncoding("utf8").on("data", (text) => {
      stderr = lastLines(stderr + text);
    });
    return new Promise<void>((resolve, reject) => {
      const patience = new Patience(this.#loginMs, (ms) => {
        reject(this.#silent(ms, ["sh"], lastLines(`${stderr}\n${stdout}`)));
        master.kill();
      });
      master.stdout.setEncoding("utf8").on("data", (text) => {
        stdout = (stdout + text).slice(-10_000);
        if (!stdout.includes(HELLO)) return;
        patience.end();
        resolve();
      });
      // Of one that has never begun there is no exit.
      master.on("error", (error) => {
        patience.end();
        this.#master = undefined;
        reject(this.#unreachable(error.message));
      });
      master.on("exit", (code) => {
        patience.end();
        this.#connecting = undefined;
        const said = lastLines(stderr) || lastLines(stdout);
        const isLogin = code !== SSH_FAILED && code !== null;
        const problem = isLogin ? noShell(said || `it ended with ${code}`) : said;
        reject(this.#unreachable(readText(log) || problem || `ssh ended with ${code}`));
      });
    });
  }

  #arguments(master: "yes" | "no", log: string, command = LOGIN_COMMAND): string[] {
    const control = [`ControlMaster=${master}`, `ControlPath=${join(this.#folder, "c")}`];
    const compression = this.#target.compresses ? ["Compression=yes"] : [];
    return this.#command([...control, ...compression], log, command);
  }

  #argumentsFor({ compressedBytes = 0 }: RunOptions, log: string): string[] {
    const isBeside = this.#target.compresses === true && compressedBytes >= LONG_BYTES;
    if (!isBeside) return this.#arguments("no", log);
    return this.#command(["ControlPath=none", "Compression=no"], log, LOGIN_COMMAND);
  }

  #command(own: string[], log: string, command: string): string[] {
    const options = [...OPTIONS, ...own.flatMap((option) => ["-o", option])];
    return ["-T", ...options, "-E", log, ...this.#way(), "--", this.#target.host, command];
  }

  /** What a person would type as well to get there. */
  #way(): string[] {
    const { user, port, configFile } = this.#target;
    return [
      ...(configFile === undefined ? [] : ["-F", configFile]),
      ...(user === undefined ? [] : ["-l", user]),
      ...(port === undefined ? [] : ["-p", String(port)]),
    ];
  }

  get #byHand(): string {
    return quoteCommand(["ssh", ...this.#way(), this.name, "true"]);
  }

  #silent(ms: number, argv: readonly string[], login: string): TsugiError {
    return silentError(this.name, ms, argv, this.#byHand, login);
  }

  #unreachable(problem: string): TsugiError {
    const details = { host: this.name, problem, next: adviceFor(problem), try: this.#byHand };
    return new TsugiError("TSUGI_HOST_UNREACHABLE", details);
  }
}

const noShell = (said: string): string => `its login shell runs no sh: ${said}`;

/** Why there is no whole answer, where ssh itself says nothing of it. */
function brokenOff(
  question: Question,
  argv: readonly string[],
  exitCode: number,
  stderr: string,
): string {
  if (question.hasBegun) return `the connection ended in the middle of ${commandText(argv)}`;
  const said = lastLines(question.noise) || lastLines(stderr);
  return exitCode === SSH_FAILED ? said || "the connection ended" : noShell(said || "no word");
}

/** Undefined for what may be long, or has no end yet. */
function wholeOf(stdin: RunOptions["stdin"]): Buffer | undefined {
  if (stdin === undefined) return Buffer.alloc(0);
  return typeof stdin === "string" ? Buffer.from(stdin) : undefined;
}

/** The program, then what it reads. */
async function* lineFirst(line: string, stdin: RunOptions["stdin"]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(line);
  if (stdin === undefined) return;
  if (typeof stdin === "string") yield Buffer.from(stdin);
  else if (stdin instanceof Uint8Array) yield stdin;
  else yield* stdin;
}

function readText(path: string): string {
  try {
    return lastLines(readFileSync(path, "utf8"));
  } catch {
    return "";
  }
}

/** ssh frames a changed host key with a dozen lines; what decides stands at the end. */
const lastLines = (text: string): string => text.trim().split(/\r?\n/).slice(-4).join("; ");
