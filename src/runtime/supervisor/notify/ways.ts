/** How somebody is told: one attempt each. Resolves with why it has failed, undefined where it has not. */
import type { NotifySettings } from "../../../protocol/settings.ts";
import { runCommand } from "../commandProcess.ts";

export interface Attempt {
  notify: NotifySettings;
  /** The document, as JSON. */
  body: string;
  stop: AbortSignal;
  /** What a command is run with: the host's environment, and nothing of `etc/env`. */
  cwd: string;
  env: Record<string, string>;
  onLine: (line: string) => void;
}

export interface Failure {
  problem: string;
  /** The same once more would come to the same. */
  isFinal?: boolean;
}

export interface Way {
  isWanted(notify: NotifySettings): boolean;
  /** For the log. A URL without its path: that may hold a token. */
  nameOf(notify: NotifySettings): string;
  tell(attempt: Attempt): Promise<Failure | undefined>;
}

export const WAYS: readonly Way[] = [
  {
    isWanted: ({ command }) => command !== undefined,
    nameOf: () => "notify.command",
    tell: runIt,
  },
  {
    isWanted: ({ url }) => url !== undefined,
    nameOf: ({ url }) => new URL(url!).origin,
    tell: postIt,
  },
];

async function runIt(attempt: Attempt): Promise<Failure | undefined> {
  const { notify, body, stop, cwd, env, onLine } = attempt;
  const { problem } = await runCommand({
    words: ["/bin/sh", "-c", notify.command!],
    input: `${body}\n`,
    timeoutMs: notify.timeoutMs,
    onLine: (_pid, line) => onLine(line),
    ...{ stop, cwd, env },
  });
  return problem === undefined ? undefined : { problem };
}

async function postIt({ notify, body, stop }: Attempt): Promise<Failure | undefined> {
  const url = new URL(notify.url!);
  // Loaded when it is needed: it would be a third of the supervisor's memory.
  const { request } = await (url.protocol === "https:"
    ? import("node:https")
    : import("node:http"));
  const limit = AbortSignal.timeout(notify.timeoutMs);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const signal = AbortSignal.any([limit, stop]);
    const sent = request(url, { method: "POST", headers, agent: false, signal });
    sent.once("response", (response) => {
      response.on("error", () => {}).resume();
      resolve(judged(response.statusCode!));
    });
    sent.once("error", ({ message }) => {
      const problem = limit.aborted ? `no answer within ${notify.timeoutMs} ms` : message;
      resolve({ problem });
    });
    sent.end(body);
  });
}

function judged(status: number): Failure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const isPassing = status >= 500 || status === 408 || status === 429;
  return { problem: `it answered ${status}`, isFinal: !isPassing };
}
