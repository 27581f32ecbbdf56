/** What may go well the next time: the network, 429, 5xx; and a question that ends when it is not answered. */
import { messageOf } from "../contract/errors.ts";
import { networkRemark } from "./system.ts";

const ANSWER_MS = 60_000;

export class Passing extends Error {
  readonly afterMs: number | undefined;

  constructor(message: string, afterMs?: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** Until its head is there; a body that stops coming is ended by fetch itself. `who` does not answer. */
export async function answered(url: string | URL, request: RequestInit, who = "it") {
  const abort = new AbortController();
  const isUpload = request.body instanceof Blob;
  const timer = isUpload ? undefined : setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    return await fetch(url, { ...request, signal: abort.signal });
  } catch (error) {
    const problem = abort.signal.aborted
      ? `${who} does not answer`
      : `${who === "it" ? "" : `${who}: `}${causeOf(error)}`;
    throw new Passing(`${problem}${networkRemark()}`);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Passing where it is so */
export function refusePassing(answer: Response, problem: string): void {
  if (answer.status !== 429 && answer.status < 500) return;
  throw new Passing(problem, secondsIn(answer.headers.get("retry-after")));
}

/** A body that breaks off in the middle is an error of fetch's own. */
export const passingOf = (error: unknown): Passing | undefined => {
  if (error instanceof Passing) return error;
  const isFetch = error instanceof TypeError || (error as Error)?.name === "TimeoutError";
  return isFetch ? new Passing(causeOf(error)) : undefined;
};

const causeOf = (error: unknown): string => messageOf((error as Error).cause ?? error);

const secondsIn = (header: string | null): number | undefined => {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
};
