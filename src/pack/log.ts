/** How a build tells what it does; only `cli` prints. */
export interface BuildLog {
  /** Something that takes time begins; the former one has ended. */
  step(what: string): void;
  /** A value that was found rather than configured, and why it is that one. */
  guess(what: string, value: string, why: string): void;
  note(text: string): void;
  warn(text: string): void;
}

export const silentLog: BuildLog = {
  step: () => {},
  guess: () => {},
  note: () => {},
  warn: () => {},
};
