/** What became of every request of one kind of client. Only the first two may be above zero. */
export interface Counts {
  sent: number;
  answered: number;
  /** A wrong answer: an unexpected status, another request's answer, a body that does not parse. */
  wrong: number;
  /** An answer to a request that had one already, or that nobody sent. */
  answeredTwice: number;
  /** The connection could not be opened. */
  refused: number;
  /** The connection went away while a request was under way. */
  reset: number;
  /** No answer within the time limit, or until the clients were stopped. */
  unanswered: number;
  /** A kept connection was closed between requests and opened anew: nothing lost, but noticed. */
  reconnected: number;
  /** Messages of a feed that never came, and that came out of order. */
  missed: number;
  disordered: number;
  /** Failed, or had to connect again, because the test itself has killed the process: `excuse`. */
  excused: number;
}

export type Failure = "wrong" | "refused" | "reset" | "unanswered";

/** An error that says what kind of failure it is. */
export class TrafficError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, message: string) {
    super(message);
    this.failure = failure;
  }
}

const PROBLEMS_KEPT = 20;

export class Tally {
  readonly kind: string;
  readonly counts: Counts = {
    sent: 0,
    answered: 0,
    wrong: 0,
    answeredTwice: 0,
    refused: 0,
    reset: 0,
    unanswered: 0,
    reconnected: 0,
    missed: 0,
    disordered: 0,
    excused: 0,
  };
  /** Answers by the version that gave them. */
  readonly byVersion = new Map<string, number>();
  slowestMs = 0;
  /** The first few failures in words. */
  readonly problems: string[] = [];
  /** True for what a process that the test has killed takes with it. */
  excuse: (failure: Failure | "reconnected", problem: string) => boolean = () => false;
  readonly #pending = new Map<string, number>();

  constructor(kind: string) {
    this.kind = kind;
  }

  sent(id: string): void {
    this.counts.sent += 1;
    this.#pending.set(id, performance.now());
  }

  isPending(id: string): boolean {
    return this.#pending.has(id);
  }

  answered(id: string, version: string): void {
    const sentAt = this.#pending.get(id);
    if (sentAt === undefined) {
      this.answeredTwice(id);
      return;
    }
    this.#pending.delete(id);
    this.counts.answered += 1;
    this.byVersion.set(version, (this.byVersion.get(version) ?? 0) + 1);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
  }

  answeredTwice(what: string): void {
    this.counts.answeredTwice += 1;
    this.#note(`answered twice: ${what}`);
  }

  failed(id: string, error: unknown): void {
    this.#pending.delete(id);
    const failure = error instanceof TrafficError ? error.failure : "wrong";
    if (this.excuse(failure, String(error))) {
      this.counts.excused += 1;
      return;
    }
    this.counts[failure] += 1;
    this.#note(`${failure}: ${id}: ${error instanceof Error ? error.message : error}`);
  }

  reconnected(): void {
    if (this.excuse("reconnected", "")) this.counts.excused += 1;
    else this.counts.reconnected += 1;
  }

  missed(count: number, why: string): void {
    this.counts.missed += count;
    this.#note(`missed ${count}: ${why}`);
  }

  disordered(why: string): void {
    this.counts.disordered += 1;
    this.#note(`out of order: ${why}`);
  }

  /** Once the clients have stopped: what has no answer by now has none. */
  close(): void {
    for (const id of [...this.#pending.keys()]) {
      this.failed(id, new TrafficError("unanswered", "no answer until the end"));
    }
  }

  /** Everything that should not have happened; reconnects are counted apart. */
  get failures(): number {
    const { wrong, answeredTwice, refused, reset, unanswered, missed, disordered } = this.counts;
    return wrong + answeredTwice + refused + reset + unanswered + missed + disordered;
  }

  #note(problem: string): void {
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push(problem);
  }
}
