/** What a registry was asked, as its own access log says. */
import { readFileSync } from "node:fs";

export interface Requests {
  byKind: Record<string, number>;
  all: number;
  /** In the second in which there were most. */
  peakPerSecond: number;
  failed: number;
}

const LINE = /\[([^\]]+)\] "(\S+) (\S+) HTTP\/1\.\d" (\d+)/;

const KINDS: [RegExp, string][] = [
  [/\/manifests\/sha256:/, "manifests by digest"],
  [/\/manifests\//, "manifests by tag"],
  [/\/blobs\//, "blobs"],
];

/** Lines from `offset` on, a length of the log. */
export function requestsIn(path: string, offset: number): Requests {
  const requests: Requests = { byKind: {}, all: 0, peakPerSecond: 0, failed: 0 };
  const seconds = new Map<string, number>();
  for (const line of readFileSync(path, "utf8").slice(offset).split("\n")) {
    const [, second, method, url, status] = LINE.exec(line) ?? [];
    // Who moves a tag is none of the hosts.
    if (second === undefined || url === undefined || method === "PUT") continue;
    const kind = KINDS.find(([pattern]) => pattern.test(url))?.[1] ?? "others";
    const key = `${method} ${kind}`;
    requests.byKind[key] = (requests.byKind[key] ?? 0) + 1;
    requests.all += 1;
    if (Number(status) >= 400) requests.failed += 1;
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  requests.peakPerSecond = Math.max(0, ...seconds.values());
  return requests;
}
