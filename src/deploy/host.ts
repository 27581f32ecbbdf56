/** A host while it is worked on: its connection, its paths, its steps, told as they happen. */
import { createReadStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defined } from "../contract/checks.ts";
import {
  ERRORS,
  type ErrorJson,
  errorFromJson,
  errorToJson,
  TsugiError,
} from "../contract/errors.ts";
import { stopwatch } from "../platform/clock.ts";
import type { Status, UpgradeReport } from "../protocol/report.ts";
import { type Layout, layoutOf } from "../release/layout.ts";
import type { RunOptions, RunResult, Transport } from "../transport/index.ts";
import type { HostSpec } from "./environment.ts";
import type { Emit, StepName } from "./events.ts";
import { type HostFacts, readFacts } from "./facts.ts";
import { fullDiskError } from "./fullDisk.ts";
import { commandAsOwner } from "./remote/asOwner.ts";

/** A rehearsal, a drain and a probation take their time; nothing takes that long. */
const BUSY_MS = 300_000;
const BUSY_POLL_MS = 500;
/** A step of an upgrade may be long without a word: a drain, a rehearsal, a migration. */
const APP_QUIET_MS = 600_000;
/** sshd needs a moment to see that somebody is gone. */
const LOCK_ENDS_MS = 3_000;

export interface HostContext {
  environment: string;
  emit: Emit;
  /** Ends every wait for the host at once. */
  signal?: AbortSignal | undefined;
}

export class Host {
  readonly spec: HostSpec;
  readonly layout: Layout;
  readonly transport: Transport;
  readonly environment: string;
  readonly #emit: Emit;
  readonly #signal: AbortSignal | undefined;
  #cutOff: StepName | undefined;

  constructor(spec: HostSpec, app: string, transport: Transport, context: HostContext) {
    this.spec = spec;
    this.layout = layoutOf(spec.root, app);
    this.transport = transport;
    this.environment = context.environment;
    this.#emit = context.emit;
    this.#signal = context.signal;
  }

  get name(): string {
    return this.spec.name;
  }

  get isDry(): boolean {
    return this.transport.isDry;
  }

  /** The step that an interrupt has found it at: it may go on there. */
  get cutOff(): StepName | undefined {
    return this.#cutOff;
  }

  run(argv: string[], options?: RunOptions): Promise<RunResult> {
    const signal = this.#signal;
    return this.transport.run(argv, { ...defined({ signal }), ...options });
  }

  /** Tells when it begins and how it ends. What `body` returns may say more about it. */
  async step<T>(step: StepName, body: () => Promise<T>, text?: (value: T) => string): Promise<T> {
    const host = this.name;
    const ms = stopwatch();
    this.#emit({ event: "step", host, step, state: "begin" });
    try {
      const value = await body();
      const said = text?.(value);
      this.#emit({
        event: "step",
        host,
        step,
        state: "end",
        ms: ms(),
        ...defined({ text: said }),
      });
      return value;
    } catch (error) {
      if (this.#signal?.aborted) this.#cutOff ??= step;
      const json = errorToJson(error);
      this.#emit({ event: "step", host, step, state: "failed", ms: ms(), error: json });
      throw error;
    }
  }

  /** What an earlier deploy has begun there and nobody waits for any more is waited for. */
  facts(): Promise<HostFacts> {
    return this.step("facts", async () => {
      const ms = stopwatch();
      let isTold = false;
      for (;;) {
        this.#signal?.throwIfAborted();
        const facts = await readFacts(this, this.layout, this.environment);
        // With somebody's lock it is somebody's: taking it says whose.
        const isTheirs = facts.lock !== undefined && ms() > LOCK_ENDS_MS;
        if (!facts.isBusy || isTheirs) return facts;
        if (ms() > BUSY_MS) throw this.#busy();
        if (!isTold) this.note("what an earlier deploy has begun there goes on; waiting for it");
        isTold = true;
        await delay(BUSY_POLL_MS);
      }
    });
  }

  #busy(): TsugiError {
    const problem = `a step of an earlier deploy still goes on there (pid in ${this.layout.deployBusy})`;
    const next = `See what it does: ${this.layout.bin} status · then the same command again`;
    return new TsugiError("TSUGI_HOST_REFUSED", { host: this.name, problem, next });
  }

  /** A command that has to succeed. @throws TSUGI_HOST_FAILED, or what bin/<app> itself says */
  async must(what: string, argv: string[], options?: RunOptions): Promise<RunResult> {
    const result = await this.run(argv, options);
    if (result.exitCode === 0) return result;
    throw this.#remoteError(result) ?? this.failed(what, result);
  }

  failed(what: string, { exitCode, stderr, stdout }: RunResult): TsugiError {
    const isFull = fullDiskError(stderr, this.name, this.layout, this.environment);
    if (isFull !== undefined) return isFull;
    const problem = (stderr.trim() || stdout.trim() || `exit ${exitCode}`).slice(-600);
    const details = { host: this.name, what, problem, environment: this.environment };
    return new TsugiError("TSUGI_HOST_FAILED", details);
  }

  /** `bin/<app> …`, as the owner of the root. */
  command(...argv: string[]): string[] {
    return commandAsOwner(this.layout.root, [this.layout.bin, ...argv]);
  }

  /** `bin/<app> … --json`; its progress goes out as lines. @returns the document, none in a dry run */
  async app<T>(
    argv: string[],
    wrap = (command: string[]) => command,
    options: RunOptions = {},
  ): Promise<T | undefined> {
    const lines = new Lines((text) => this.#emit({ event: "line", host: this.name, text }));
    const command = wrap(this.command(...argv, "--json"));
    const onStderr = (text: string) => lines.push(text);
    const result = await this.run(command, { quietMs: APP_QUIET_MS, ...options, onStderr });
    if (result.exitCode !== 0) {
      const said = { ...result, stderr: lines.last };
      throw this.#remoteError(said) ?? this.failed(`bin/${this.layout.name} ${argv[0]}`, said);
    }
    return result.stdout === "" ? undefined : (JSON.parse(result.stdout) as T);
  }

  /** What bin/<app> --json says; its hints are for somebody who sits there. */
  #remoteError(result: RunResult): TsugiError | undefined {
    const error = remoteError(result);
    if (error === undefined) return undefined;
    const hint = hintFromAfar(error.hint, this.layout, this.environment, this.name);
    return Object.assign(error, { hint, isRefusal: isRefusal(result) });
  }

  /** Undefined where nothing runs. */
  async status(): Promise<Status | undefined> {
    const argv = this.command("status", "--json");
    const { exitCode, stdout } = await this.run(argv, { readOnly: true });
    return exitCode === 0 ? (JSON.parse(stdout) as Status) : undefined;
  }

  async isStopped(): Promise<boolean> {
    const { exitCode } = await this.run(this.command("status", "--json"), { readOnly: true });
    return exitCode === ERRORS.TSUGI_NOT_RUNNING.exitCode;
  }

  note(text: string): void {
    this.#emit({ event: "note", text: `${this.name}: ${text}` });
  }

  /** A file as stdin. */
  upload(path: string, total: number): AsyncGenerator<Uint8Array> {
    return this.counted(createReadStream(path, { highWaterMark: 256 * 1024 }), total);
  }

  /** Its bytes are told as they go. */
  async *counted(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    total: number,
  ): AsyncGenerator<Uint8Array> {
    let sent = 0;
    for await (const chunk of chunks) {
      yield chunk;
      sent += chunk.length;
      this.#emit({ event: "bytes", host: this.name, sent, total });
    }
  }
}

/** What is typed there is typed here by tsugi logs, status and exec. */
export function hintFromAfar(
  hint: string,
  { bin, name }: Layout,
  environment: string,
  host: string,
): string {
  const exec = `tsugi exec ${environment} --host ${host} -- bin/${name}`;
  return [bin, "bin/<app>"].reduce(
    (text, there) =>
      text
        .replaceAll(`${there} logs`, `tsugi logs ${environment} --host ${host}`)
        .replaceAll(`${there} status`, `tsugi status ${environment}`)
        .replaceAll(there, exec),
    hint,
  );
}

/** What bin/<app> --json prints when it fails: an error, or the report of what it tried. */
function remoteError({ stdout }: RunResult): TsugiError | undefined {
  try {
    const { error } = JSON.parse(stdout) as { error?: ErrorJson };
    return error === undefined ? undefined : errorFromJson(error);
  } catch {
    return undefined;
  }
}

/** Nothing has changed there, and what runs has not noticed. */
const isRefusal = ({ exitCode, stdout }: RunResult): boolean =>
  exitCode === 4 && (JSON.parse(stdout) as Partial<UpgradeReport>).result !== "thawed";

class Lines {
  readonly #onLine: (text: string) => void;
  #rest = "";
  /** The last ones, for an error. */
  last = "";

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    this.last = (this.last + text).slice(-600);
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") this.#onLine(line);
  }
}
