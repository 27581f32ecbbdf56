/**
 * One login that is asked one question after another. Each costs a line and its answer; a login of its
 * own would cost a client here, a process of sshd there, and all that a shell reads when it starts.
 *
 *   ssh host "sh -c '…'"    a loop that reads a program of one line, and runs it in a subshell, so that
 *                           it ends nothing but itself
 *   stdin                   the program, then as many bytes as the program says that its command reads
 *
 * What comes between two answers is noise. A question that is given up ends the login: what it has begun
 * is left to the host, and its answer would be taken for one to the next.
 */
import type { ChildProcess } from "node:child_process";
import { spawnChild } from "../platform/spawn.ts";
import type { Question } from "./answer.ts";
import { collect, letGo, orAborted } from "./child.ts";
import { quoteCommand } from "./quote.ts";
import type { RunOptions, RunResult } from "./transport.ts";

const LOOP = 'while IFS= read -r tsugi; do (eval "$(printf %b "$tsugi")") || exit; done';
export const DIALOGUE_COMMAND = quoteCommand(["sh", "-c", LOOP]);

export class Dialogue {
  readonly #child: ChildProcess;
  /** Whose answer comes next. */
  #question: Question | undefined;
  #isOver = false;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawnChild(command, args, { detached: true, stdio: "pipe" });
    this.#child.stdin!.on("error", () => {});
    for (const name of ["stdout", "stderr"] as const) {
      const stream = this.#child[name]!;
      stream.on("data", (chunk: Buffer) => {
        const answer = this.#question?.[name];
        if (answer === undefined || answer.write(chunk)) return;
        stream.pause();
        answer.once("drain", () => stream.resume());
      });
    }
    const over = () => {
      this.#isOver = true;
      this.#question?.breakOff();
    };
    this.#child.once("error", over).once("close", over);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isFree(): boolean {
    return this.#question === undefined;
  }

  /** @returns what came; whether it is whole, the question knows. @throws the reason of `signal`, at once */
  async ask(
    question: Question,
    stdin: Buffer,
    options: RunOptions & { onLife: () => void },
  ): Promise<RunResult> {
    this.#question = question;
    const output = collect(question.streams, options);
    this.#child.stdin!.write(question.lineInTurn(stdin.length));
    if (stdin.length > 0) this.#child.stdin!.write(stdin);
    try {
      await orAborted(output.ended, options.signal);
    } catch (error) {
      this.end();
      throw error;
    } finally {
      this.#question = undefined;
    }
    return { exitCode: this.#child.exitCode ?? 0, ...output.collected };
  }

  end(): void {
    this.#isOver = true;
    letGo(this.#child, false);
  }
}
