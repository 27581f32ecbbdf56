import { type ErrorJson, errorToJson } from "../contract/errors.ts";
import type { Host } from "./host.ts";

interface Settled<T> {
  answers: { host: Host; value: T }[];
  failures: { host: string; error: ErrorJson }[];
}

/** On all hosts at once, to the end on each. */
export async function settle<T>(
  hosts: Host[],
  body: (host: Host, at: number) => Promise<T>,
): Promise<Settled<T>> {
  const result: Settled<T> = { answers: [], failures: [] };
  const settled = await Promise.allSettled(hosts.map(body));
  for (const [index, one] of settled.entries()) {
    const host = hosts[index]!;
    if (one.status === "fulfilled") result.answers.push({ host, value: one.value });
    else result.failures.push({ host: host.name, error: errorToJson(one.reason) });
  }
  return result;
}
