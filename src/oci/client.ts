/**
 * A client of one repository in a registry (OCI Distribution Specification 1.1): manifests, blobs, tags.
 * Our own, because no library on npm that is kept well does it, and a host needs it without packages.
 *
 * What is read is held against its digest. What fails for a moment (the network, 429, 5xx) is tried
 * again, later each time, or when the registry says.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { defined } from "../contract/checks.ts";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { Authorization } from "./authorization.ts";
import { formatRepository, isLoopback, type OciReference } from "./reference.ts";
import { type Content, digestOf, INDEX_TYPE, MANIFEST_TYPE, type ReleaseSource } from "./source.ts";
import { networkRemark, useSystem } from "./system.ts";
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
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const ANSWER_MS = 60_000;

interface Call {
  method?: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  headers?: Record<string, string>;
  body?: Blob | string;
  /** Statuses that are an answer; any other is an error. */
  expects: readonly number[];
}

export class OciClient implements ReleaseSource {
  readonly where: string;
  readonly #base: string;
  readonly #authorization: Authorization;

  constructor({ host, repository }: OciReference) {
    this.where = formatRepository({ host, repository });
    useSystem();
    this.#base = `${isLoopback(host) ? "http" : "https"}://${host}/v2/${repository}`;
    this.#authorization = new Authorization(host, repository);
  }

  /** @returns undefined where there is none of that tag or digest */
  async manifest(reference: string): Promise<{ bytes: string; digest: string } | undefined> {
    const call = { headers: { accept: ANY_MANIFEST }, expects: [200, 404] };
    return this.#again(async () => {
      const answer = await this.#call(`/manifests/${reference}`, call);
      if (answer.status === 404) return undefined;
      const parts: Uint8Array[] = [];
      let size = 0;
      for await (const part of answer.body ?? []) {
        size += part.length;
        if (size > MOST_MANIFEST_BYTES) throw this.#failed("its manifest has no end");
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

  #putManifest(reference: string, bytes: string, type: string): Promise<Response> {
    const headers = { "content-type": type };
    const call = { method: "PUT", headers, body: bytes, expects: [201] } as const;
    return this.#again(() => this.#call(`/manifests/${reference}`, call));
  }

  /** Manifests whose subject that digest is, as registries tell that know of it. */
  async referrers(digest: string): Promise<string | undefined> {
    const call = { expects: [200, 404] };
    const answer = await this.#again(() => this.#call(`/referrers/${digest}`, call));
    return answer.status === 200 ? answer.text() : undefined;
  }

  /** @returns false where the registry does not let anybody remove */
  async deleteManifest(digest: string): Promise<boolean> {
    const call = { method: "DELETE", expects: [202, 404, 405] } as const;
    const { status } = await this.#again(() => this.#call(`/manifests/${digest}`, call));
    return status !== 405;
  }

  async tags(): Promise<string[]> {
    const found: string[] = [];
    const asked = new Set<string>();
    let next: string | undefined = "/tags/list?n=1000";
    while (next !== undefined) {
      const path: string = next;
      if (asked.has(path) || asked.size === MOST_PAGES) {
        throw this.#failed("its list of tags has no end");
      }
      asked.add(path);
      const answer = await this.#again(() => this.#call(path, { expects: [200, 404] }));
      if (answer.status === 404) return [];
      const { tags } = (await answer.json().catch(() => ({}))) as { tags?: unknown };
      if (Array.isArray(tags)) found.push(...tags.filter((tag) => typeof tag === "string"));
      const link = /^<([^>]+)>; *rel="?next/.exec(answer.headers.get("link") ?? "")?.[1];
      const url = link === undefined ? undefined : new URL(link, `${this.#base}/tags/list`);
      next = url === undefined ? undefined : `/tags/list${url.search}`;
    }
    return found;
  }

  async has(digest: string): Promise<boolean> {
    const call = { method: "HEAD", expects: [200, 404] } as const;
    return (await this.#again(() => this.#call(`/blobs/${digest}`, call))).status === 200;
  }

  /** `from`: a repository that may have it. @returns whether it was taken from there, so that nothing was sent */
  put(digest: string, body: Blob, from?: string): Promise<boolean> {
    return upload(
      {
        call: (path, call) => this.#call(path, call),
        again: (attempt) => this.#again(attempt),
        placeOf: (answer) => {
          const location = answer.headers.get("location");
          if (location === null) throw this.#failed("it says no place for an upload");
          return new URL(location, `${this.#base}/`);
        },
      },
      digest,
      body,
      from,
    );
  }

  async read(
    { digest, size }: Content,
    begin: () => Promise<(chunk: Uint8Array) => Promise<void>>,
  ): Promise<void> {
    await this.#again(async () => {
      const answer = await this.#call(`/blobs/${digest}`, { expects: [200] });
      const write = await begin();
      const hash = createHash("sha256");
      let left = size;
      for await (const chunk of answer.body ?? []) {
        left -= chunk.length;
        if (left < 0) throw this.#lies(digest);
        hash.update(chunk);
        await write(chunk);
      }
      if (left > 0) throw new Passing("it was cut off");
      if (`sha256:${hash.digest("hex")}` !== digest) throw this.#lies(digest);
    });
  }

  async #call(path: string | URL, call: Call): Promise<Response> {
    const url = typeof path === "string" ? `${this.#base}${path}` : path.href;
    // A place for an upload may be another host's: it knows by its address who comes.
    const isOurs = new URL(url).origin === new URL(this.#base).origin;
    const ask = async () => {
      const { method = "GET", headers = {}, body } = call;
      const authorization = isOurs ? await this.#authorization.header(method) : undefined;
      const all = { ...headers, ...defined({ authorization }) };
      return answered(url, { method, headers: all, body: body ?? null });
    };
    let answer = await ask();
    if (answer.status === 401 && (await this.#authorization.answer(answer))) answer = await ask();
    if (call.expects.includes(answer.status)) return answer;
    const problem = `it answered ${answer.status} to ${call.method ?? "GET"} ${new URL(url).pathname}`;
    if (answer.status === 401 || answer.status === 403) {
      throw new TsugiError("TSUGI_REGISTRY_DENIED", {
        store: this.where,
        status: answer.status,
        host: new URL(this.#base).host,
      });
    }
    if (answer.status === 429 || answer.status >= 500) {
      throw new Passing(problem, secondsIn(answer.headers.get("retry-after")));
    }
    throw this.#failed(`${problem}${await detailOf(answer)}`);
  }

  async #again<T>(attempt: () => Promise<T>): Promise<T> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let count = 1; ; count += 1) {
      try {
        return await attempt();
      } catch (error) {
        const passing = error instanceof Passing ? error : passingOf(error);
        if (passing === undefined) throw error;
        if (count === ATTEMPTS) throw this.#failed(`${passing.message} (${ATTEMPTS} attempts)`);
        const jitter = 0.5 + Math.random();
        await delay(Math.min(passing.afterMs ?? pauseMs * jitter, LONGEST_PAUSE_MS));
        pauseMs *= 2;
      }
    }
  }

  #failed(problem: string): TsugiError {
    return new TsugiError("TSUGI_STORE_FAILED", { store: this.where, problem });
  }

  #lies(digest: string): TsugiError {
    const problem = "what the registry sends under that digest is something else";
    return new TsugiError("TSUGI_STORE_DAMAGED", { file: `${this.where}@${digest}`, problem });
  }
}

/** Until its head is there; a body that stops coming is ended by fetch itself. */
async function answered(url: string, request: RequestInit): Promise<Response> {
  const abort = new AbortController();
  const isUpload = typeof request.body === "object" && request.body !== null;
  const timer = isUpload ? undefined : setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    return await fetch(url, { ...request, signal: abort.signal });
  } catch (error) {
    const problem = abort.signal.aborted ? "it does not answer" : causeOf(error);
    throw new Passing(`${problem}${networkRemark()}`);
  } finally {
    clearTimeout(timer);
  }
}

/** It may go well the next time. */
class Passing extends Error {
  readonly afterMs: number | undefined;

  constructor(message: string, afterMs?: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** A body that breaks off in the middle is an error of fetch's own. */
const passingOf = (error: unknown): Passing | undefined =>
  error instanceof TypeError || (error as Error)?.name === "TimeoutError"
    ? new Passing(causeOf(error))
    : undefined;

const causeOf = (error: unknown): string => messageOf((error as Error).cause ?? error);

const secondsIn = (header: string | null): number | undefined => {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
};

/** What the registry says itself, at most a line. */
async function detailOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => undefined)) as { errors?: unknown } | undefined;
  const [first] = Array.isArray(body?.errors) ? (body.errors as { message?: unknown }[]) : [];
  return typeof first?.message === "string" ? `: ${first.message.slice(0, 200)}` : "";
}
