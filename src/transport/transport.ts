/**
 * How hosts are reached: one interface, so that nothing else in `deploy` knows of ssh. A command is
 * an array of arguments; what is private goes over stdin, because arguments can be read by others.
 */
import type { Writable } from "node:stream";

export interface Transport {
  /** The host's name, for messages. */
  readonly name: string;
  /** True where commands are only printed: their output is empty and says nothing. */
  readonly isDry: boolean;
  /**
   * Runs a command to its end and tells how it ended, whatever its exit code is.
   * @throws TSUGI_HOST_UNREACHABLE where the host, and not the command, failed; TSUGI_HOST_SILENT; the
   * reason of `signal`, at once: what runs on the host is left to it
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Ends the connection. What still runs over it is cut off. */
  close(): Promise<void>;
}

export interface RunOptions {
  /** Streamed, so that an upload needs no memory. Without it the command reads an end at once. */
  stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** How much its stdin is, where that is compressed already. */
  compressedBytes?: number;
  signal?: AbortSignal;
  /** Called with what comes; it is not collected then. */
  onStdout?: (text: string) => void;
  onStderr?: (text: string) => void;
  /** Gets stdout as bytes, at its own pace, in place of `onStdout`. */
  stdout?: Writable;
  /** How long it may be from one sign of life to the next; 2 minutes, unless it is said. */
  quietMs?: number | (() => number);
  /** The command changes nothing: a dry run carries it out as well. */
  readOnly?: boolean;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}
