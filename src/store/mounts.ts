/**
 * Where a layer lies in a registry already, as far as this machine has seen: the runtime of one application is that
 * of another, and a registry that is told where takes it from there without a byte.
 */
import { isRecord } from "../contract/checks.ts";
import { cachePath, readKept, writeWhole } from "../pack/cache.ts";

const MOST = 2000;

export class Mounts {
  readonly #path: string;
  readonly #known: Map<string, string>;

  constructor(host: string) {
    this.#path = cachePath("mounts", `${host.replace(/[^\w.-]/g, "_")}.json`);
    const kept = readKept<unknown>(this.#path);
    this.#known = new Map(isRecord(kept) ? Object.entries(kept as Record<string, string>) : []);
  }

  /** @returns the repository, as far as it is not this one */
  of(digest: string, own: string): string | undefined {
    const found = this.#known.get(digest);
    return found === own ? undefined : found;
  }

  /** The latest last; whoever keeps something at the same time may be forgotten: it costs an upload. */
  async keep(digests: readonly string[], repository: string): Promise<void> {
    for (const digest of digests) {
      this.#known.delete(digest);
      this.#known.set(digest, repository);
    }
    const latest = Object.fromEntries([...this.#known].slice(-MOST));
    await writeWhole(this.#path, JSON.stringify(latest)).catch(() => {});
  }
}
