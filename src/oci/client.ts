/**
 * A client of one repository in a registry (OCI Distribution Specification 1.1): manifests, blobs, tags.
 * Our own, because no library on npm that is kept well does it, and a host needs it without packages.
 * What is read is held against its digest.
 */
import { createHash } from "node:crypto";
import { type Call, Connection } from "./connection.ts";
import { Passing } from "./passing.ts";
import type { OciReference } from "./reference.ts";
import {
  type Content,
  digestOf,
  INDEX_TYPE,
  MANIFEST_TYPE,
  type ReleaseSource,
  storeDamaged,
} from "./source.ts";
import { upload } from "./upload.ts";

/** So that of something else it can be said what it is. */
const ANY_MANIFEST = [
  MANIFEST_TYPE,
  INDEX_TYPE,
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");
/** A manifest is kilobytes; a registry that sends more is none. */
const MOST_MANIFEST_BYTES = 4 << 20;
/** Of a thousand tags each. */
const MOST_PAGES = 1_000;

export class OciClient implements ReleaseSource {
  readonly where: string;
  readonly #connection: Connection;

  constructor(repository: OciReference) {
    this.#connection = new Connection(repository);
    this.where = this.#connection.where;
  }

  /** @returns undefined where there is none of that tag or digest */
  async manifest(reference: string): Promise<{ bytes: string; digest: string } | undefined> {
    const call = { headers: { accept: ANY_MANIFEST }, expects: [200, 404] };
    return this.#connection.again(async () => {
      const answer = await this.#connection.call(`/manifests/${reference}`, call);
      if (answer.status === 404) return undefined;
      const parts: Uint8Array[] = [];
      let size = 0;
      for await (const part of answer.body ?? []) {
        size += part.length;
        if (size > MOST_MANIFEST_BYTES) throw this.#connection.failed("its manifest has no end");
        parts.push(part);
      }
      const bytes = Buffer.concat(parts);
      const digest = digestOf(bytes);
      if (reference.startsWith("sha256:") && reference !== digest) throw this.#lies(reference);
      return { bytes: bytes.toString("utf8"), digest };
    });
  }

  /** @returns its digest */
  async putManifest(reference: string, bytes: string, type = MANIFEST_TYPE): Promise<string> {
    await this.#putManifest(reference, bytes, type);
    return digestOf(bytes);
  }

  /** @returns whether the registry itself tells whoever asks for what refers to its subject */
  async putReferrer(bytes: string): Promise<boolean> {
    const answer = await this.#putManifest(digestOf(bytes), bytes, MANIFEST_TYPE);
    return answer.headers.has("oci-subject");
  }

  #putManifest(reference: string, body: string, type: string): Promise<Response> {
    const headers = { "content-type": type };
    return this.#ask(`/manifests/${reference}`, { method: "PUT", headers, body, expects: [201] });
  }

  /** Manifests whose subject that digest is, as registries tell that know of it. */
  async referrers(digest: string): Promise<string | undefined> {
    const answer = await this.#ask(`/referrers/${digest}`, { expects: [200, 404] });
    return answer.status === 200 ? answer.text() : undefined;
  }

  /** @returns false where the registry does not let anybody remove */
  async deleteManifest(digest: string): Promise<boolean> {
    const call = { method: "DELETE", expects: [202, 404, 405] } as const;
    return (await this.#ask(`/manifests/${digest}`, call)).status !== 405;
  }

  async tags(): Promise<string[]> {
    const found: string[] = [];
    const asked = new Set<string>();
    let next: string | undefined = "/tags/list?n=1000";
    while (next !== undefined) {
      if (asked.has(next) || asked.size === MOST_PAGES) {
        throw this.#connection.failed("its list of tags has no end");
      }
      asked.add(next);
      const answer: Response = await this.#ask(next, { expects: [200, 404] });
      if (answer.status === 404) return [];
      const { tags } = (await answer.json().catch(() => ({}))) as { tags?: unknown };
      if (Array.isArray(tags)) found.push(...tags.filter((tag) => typeof tag === "string"));
      const link = /^<([^>]+)>; *rel="?next/.exec(answer.headers.get("link") ?? "")?.[1];
      const url = link && new URL(link, `${this.#connection.base}/tags/list`);
      next = url ? `/tags/list${url.search}` : undefined;
    }
    return found;
  }

  async has(digest: string): Promise<boolean> {
    const call = { method: "HEAD", expects: [200, 404] } as const;
    return (await this.#ask(`/blobs/${digest}`, call)).status === 200;
  }

  /** `from`: a repository that may have it. @returns whether it was taken from there, so that nothing was sent */
  put(digest: string, body: Blob, from?: string): Promise<boolean> {
    return upload(this.#connection, digest, body, from);
  }

  async read(
    { digest, size }: Content,
    begin: () => Promise<(chunk: Uint8Array) => Promise<void>>,
  ): Promise<void> {
    let hash = createHash("sha256");
    let write: Awaited<ReturnType<typeof begin>> = async () => {};
    let [has, most] = [0, 0];
    await this.#connection.again(async (cameOn) => {
      const range = `bytes=${has}-`;
      const call =
        has === 0 ? { expects: [200] } : { headers: { range }, expects: [200, 206, 416] };
      const answer = await this.#connection.call(`/blobs/${digest}`, call);
      const part = answer.headers.get("content-range") ?? "";
      // A registry need not know of ranges.
      const isRest = answer.status === 206 && part.startsWith(`bytes ${has}-`);
      if (!isRest) [hash, write, has] = [createHash("sha256"), await begin(), 0];
      if (!isRest && answer.status !== 200)
        throw new Passing("it sends no rest of what was cut off");
      for await (const chunk of answer.body ?? []) {
        if (has + chunk.length > size) throw this.#lies(digest);
        hash.update(chunk);
        await write(chunk);
        has += chunk.length;
        if (has <= most) continue;
        most = has;
        cameOn();
      }
      if (has < size) throw new Passing("it was cut off");
      if (`sha256:${hash.digest("hex")}` !== digest) throw this.#lies(digest);
    });
  }

  #ask(path: string, call: Call): Promise<Response> {
    return this.#connection.again(() => this.#connection.call(path, call));
  }

  #lies(digest: string): Error {
    const problem = "what the registry sends under that digest is something else";
    return storeDamaged(`${this.where}@${digest}`, problem);
  }
}
