/**
 * Hosts over OpenSSH's own client, so that ~/.ssh/config, agents, jump hosts, known_hosts and
 * hardware keys work as they do by hand. One connection a host, shared by all its commands:
 *
 *   ssh -M … host 'sh -c "echo …; cat"'     the master: lives as long as its stdin, which is ours,
 *                                           so it ends with us even when we are killed
 *   ssh -S … host '<command>'               each command, over the master's connection
 *
 * Nobody is asked anything (BatchMode), and a host key that is not known yet, or another one than
 * before, is a failure: trusting a host is for a person to do, once, by hand.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { runChild } from "./child.ts";
import { quoteCommand } from "./quote.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

export interface SshTarget {
  /** As ssh takes it: an alias of ~/.ssh/config, a name or an address. */
  host: string;
  user?: string;
  port?: number;
  /** An ssh configuration file in place of ~/.ssh/config. */
  configFile?: string;
}

/** What ssh exits with when the connection, not the command, has failed. */
const SSH_FAILED = 255;
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
  #master: ChildProcess | undefined;
  #connecting: Promise<void> | undefined;
  #runs = 0;

  constructor(target: SshTarget) {
    this.name = target.host;
    this.#target = target;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    await this.#connect();
    this.#runs += 1;
    const log = join(this.#folder, `${this.#runs}.log`);
    const args = this.#arguments("no", log, quoteCommand(argv));
    try {
      const { exitCode, stdout, stderr } = await runChild("ssh", args, options);
      if (exitCode === SSH_FAILED) throw this.#unreachable(readText(log) || lastLines(stderr));
      return { exitCode, stdout, stderr };
    } finally {
      rmSync(log, { force: true });
    }
  }

  async close(): Promise<void> {
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
    this.#connecting ??= this.#startMaster().catch((error) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  #startMaster(): Promise<void> {
    const log = join(this.#folder, "master.log");
    rmSync(log, { force: true });
    const stdio: ["pipe", "pipe", "pipe"] = ["pipe", "pipe", "pipe"];
    const args = this.#arguments("yes", log, MASTER);
    const master = spawn("ssh", args, { detached: true, stdio });
    this.#master = master;
    let [stdout, stderr] = ["", ""];
    master.stdin.on("error", () => {});
    master.stderr.setEncoding("utf8").on("data", (text) => {
      stderr = lastLines(stderr + text);
    });
    return new Promise((resolve, reject) => {
      master.stdout.setEncoding("utf8").on("data", (text) => {
        stdout = (stdout + text).slice(-10_000);
        if (stdout.includes(HELLO)) resolve();
      });
      master.on("error", (error) => reject(this.#unreachable(error.message)));
      master.on("exit", (code) => {
        this.#connecting = undefined;
        const said = readText(log) || lastLines(stderr);
        reject(this.#unreachable(said || `ssh ended with ${code}`));
      });
    });
  }

  #arguments(master: "yes" | "no", log: string, command: string): string[] {
    const { host } = this.#target;
    const control = [`ControlMaster=${master}`, `ControlPath=${join(this.#folder, "c")}`];
    const options = [...OPTIONS, ...control.flatMap((option) => ["-o", option])];
    return ["-T", ...options, "-E", log, ...this.#way(), "--", host, command];
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

  #unreachable(problem: string): TsugiError {
    const byHand = quoteCommand(["ssh", ...this.#way(), this.name, "true"]);
    const details = { host: this.name, problem: problem || "the connection ended", try: byHand };
    return new TsugiError("TSUGI_HOST_UNREACHABLE", details);
  }
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
