/** A command at a terminal of its own, as a person would see it: tmux is the terminal. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./commands.ts";
import { needPrograms } from "./debian.ts";

export interface TerminalOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  columns: number;
  rows: number;
}

export class Terminal {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** What the command leaves is followed by `ended <its exit code>`. */
  static async run(argv: string[], { cwd, env, columns, rows }: TerminalOptions) {
    await needPrograms("tmux");
    const terminal = new Terminal(await mkdtemp(join(tmpdir(), "tsugi-terminal-")));
    const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    // The trap keeps the shell; it is the command's own again.
    const script = 'trap : INT; "$@"; printf "ended %s\\n" $?; while :; do read line; done';
    const command = ["env", "-i", ...pairs, "TERM=screen", "/bin/sh", "-c", script, "sh", ...argv];
    const size = ["-x", String(columns), "-y", String(rows)];
    await terminal.#tmux(["-f", "/dev/null", "new-session", "-d", ...size, "-c", cwd, ...command]);
    return terminal;
  }

  async screen(): Promise<string[]> {
    const { stdout } = await this.#tmux(["capture-pane", "-p"]);
    return stdout.split("\n").map((line) => line.trimEnd());
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(["resize-window", "-x", String(columns), "-y", String(rows)]);
  }

  /** In tmux's words: `C-c`. */
  async press(key: string): Promise<void> {
    await this.#tmux(["send-keys", key]);
  }

  async hasCursor(): Promise<boolean> {
    const { stdout } = await this.#tmux(["display-message", "-p", "#{cursor_flag}"]);
    return stdout.trim() === "1";
  }

  async end(): Promise<void> {
    await this.#tmux(["kill-server"]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tmux(args: string[]) {
    return mustRun("tmux", ["-S", join(this.#folder, "socket"), ...args]);
  }
}
