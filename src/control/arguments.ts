/** What options and arguments may be. */
import { InvalidArgumentError } from "commander";

export function wholeNumber(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}

/** At least one: "keep none" would be asking for the permanent release. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError("expected a number above 0");
}

/** `0.0.2` is a version; `./0.0.2`, `/tmp/x`, `x.tar.gz` and `store#0.0.2` are paths. */
export const isPath = (text: string): boolean =>
  /[/#]/.test(text) || text === "." || text === ".." || /\.(tar\.gz|tgz|tar)$/.test(text);
