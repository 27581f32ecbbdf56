/**
 * Calls of one repository in a registry. What fails for a moment (the network, 429, 5xx) is tried again,
 * later each time, or when the registry says.
 */
import { setTimeout as delay } from "node:timers/promises";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { Authorization } from "./authorization.ts";
import { answered, passingOf, refusePassing } from "./passing.ts";
import { formatRepository, isLoopback, type OciReference } from "./reference.ts";
import { useSystem } from "./system.ts";

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface Call {
  method?: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  headers?: Record<string, string>;
  body?: Blob | string;
  /** Statuses that are an answer; any other is an error. */
  expects: readonly number[];
}

export class Connection {
  readonly where: string;
  readonly base: string;
  readonly #authorization: Authorization;

  constructor({ host, repository }: OciReference) {
    this.where = formatRepository({ host, repository });
    useSystem();
    this.base = `${isLoopback(host) ? "http" : "https"}://${host}/v2/${repository}`;
    this.#authorization = new Authorization(host, repository, (problem) => this.failed(problem));
  }

  /** `path`: below the repository. */
  async call(path: string | URL, call: Call): Promise<Response> {
    const url = typeof path === "string" ? `${this.base}${path}` : path.href;
    // A place for an upload may be another host's: it knows by its address who comes.
    const isOurs = new URL(url).origin === new URL(this.base).origin;
    const { method = "GET", headers = {}, body = null } = call;
    const ask = (authorization: string | undefined) =>
      answered(url, { method, headers: { ...headers, ...defined({ authorization }) }, body });
    const sent = isOurs ? this.#authorization.header(method) : undefined;
    let answer = await ask(sent);
    const isAsked = isOurs && answer.status === 401;
    if (isAsked && (await this.#authorization.answer(answer, method, sent))) {
      answer = await ask(this.#authorization.header(method));
    }
    if (call.expects.includes(answer.status)) return answer;
    const problem = `it answered ${answer.status} to ${method} ${new URL(url).pathname}`;
    if (answer.status === 401 || answer.status === 403) {
      const why = await this.#authorization.problem();
      throw new TsugiError("TSUGI_REGISTRY_DENIED", {
        store: this.where,
        status: why === undefined ? answer.status : `${answer.status}; ${why}`,
        host: new URL(this.base).host,
      });
    }
    refusePassing(answer, problem);
    throw this.failed(`${problem}${await detailOf(answer)}`);
  }

  /**
   * `attempt` may call `cameOn` when it has more than any before it: then it counts as the first, since over a
   * bad line a large layer comes in many.
   */
  async again<T>(attempt: (cameOn: () => void) => Promise<T>): Promise<T> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(() => {
          count = 1;
          pauseMs = FIRST_PAUSE_MS;
        });
      } catch (error) {
        const passing = passingOf(error);
        if (passing === undefined) throw error;
        if (count === ATTEMPTS) throw this.failed(`${passing.message} (${ATTEMPTS} attempts)`);
        const jitter = 0.5 + Math.random();
        await delay(Math.min(passing.afterMs ?? pauseMs * jitter, LONGEST_PAUSE_MS));
        pauseMs *= 2;
      }
    }
  }

  failed(problem: string): TsugiError {
    return new TsugiError("TSUGI_STORE_FAILED", { store: this.where, problem });
  }
}

/** What the registry says itself, at most a line. */
async function detailOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => undefined)) as { errors?: unknown } | undefined;
  const [first] = Array.isArray(body?.errors) ? (body.errors as { message?: unknown }[]) : [];
  return typeof first?.message === "string" ? `: ${first.message.slice(0, 200)}` : "";
}
