import type { HttpResponse } from "./http1.ts";
import type { Workload } from "./workload.ts";

const ADMIRALS = ["mikasa", "akagi", "hiei", "naka", "yukikaze", "shimakaze", "ooyodo", "akashi"];

/**
 * The workload of examples/admiral-stats-api: every request imports a result of its own. What was
 * acknowledged is added up here, and has to be in the service's memory and database afterwards.
 */
export class AdmiralWorkload implements Workload {
  readonly acknowledged = { imports: 0, experience: 0 };
  readonly #run = Math.random().toString(36).slice(2, 8);

  request(id: string) {
    const result = {
      id: `${this.#run}-${id}`,
      admiral: ADMIRALS[hash(id) % ADMIRALS.length]!,
      victories: hash(id) % 4,
      experience: experienceOf(id),
    };
    return {
      method: "POST",
      path: "/results",
      headers: { "x-request-id": id },
      body: JSON.stringify(result),
    };
  }

  check(id: string, response: HttpResponse): string {
    if (response.status !== 201) throw new Error(`${response.status} ${response.body}`);
    if (response.headers["x-request-id"] !== id) throw new Error("another request's answer");
    this.acknowledged.imports += 1;
    this.acknowledged.experience += experienceOf(id);
    return response.headers["x-version"] ?? "?";
  }
}

const experienceOf = (id: string) => (hash(id) % 500) + 1;

function hash(text: string): number {
  let value = 7;
  for (let at = 0; at < text.length; at += 1) value = (value * 31 + text.charCodeAt(at)) >>> 0;
  return value;
}
