/** What a check of `doctor` answers. */
import { messageOf, TsugiError } from "../../contract/errors.ts";
import type { Finding } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";

export interface Seen {
  note: string;
  findings: Finding[];
}

/** `isLate` turns true when the time is over: what takes long asks it between its steps. */
export type Check = (context: Context, isLate: () => boolean) => Promise<Seen>;

/** What an error says is a finding, and its next step the remedy. */
export function findingOf(error: unknown): Finding {
  if (error instanceof TsugiError) return { problem: error.message, remedy: error.hint };
  return { problem: messageOf(error), remedy: "Look at the owner and the mode of what it names." };
}
