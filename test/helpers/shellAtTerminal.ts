/** A shell at a terminal of its own (util-linux's script), typed into as a person would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { until } from "./installed.ts";

const START = {
  bash: "bash --norc --noprofile -i",
  zsh: "zsh -f -i",
} as const;

const PROMPT = "typed> ";

export class ShellAtTerminal {
  readonly #child: ChildProcess;
  #output = "";

  constructor(shell: keyof typeof START, cwd: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn("script", ["-qfec", START[shell], "/dev/null"], {
      cwd,
      env: { ...env, TERM: "dumb" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
  }

  /** The first line, and the prompt after it. */
  async run(line: string): Promise<void> {
    this.#child.stdin!.write(`${line}; stty columns 200; PS1='${PROMPT}'\n`);
    await this.#prompted();
  }

  /** What stands there after `text` and a tab; the line is thrown away then. */
  async completes(text: string, expected: RegExp): Promise<void> {
    this.#output = "";
    this.#child.stdin!.write(`${text}\t`);
    await until(`${text} completed to ${expected}: ${this.#output}`, () =>
      expected.test(this.#screen),
    ).catch(() => {
      throw new Error(`${text}<TAB> became\n${this.#screen}\nand not ${expected}`);
    });
    // Ctrl-U: an empty line, and its prompt.
    this.#output = "";
    this.#child.stdin!.write("\u0015\n");
    await this.#prompted();
  }

  async end(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  get #screen(): string {
    // A terminal's bell and backspaces are no text.
    return stripVTControlCharacters(this.#output).replaceAll("\u0007", "");
  }

  #prompted() {
    return until("a prompt", () => this.#screen.trimEnd().endsWith(PROMPT.trimEnd()));
  }
}
