/**
 * A blob on its way into a registry: a small one in one piece; a large one in several, so that what was
 * cut off goes on from where the registry has it.
 */
const PIECE_BYTES = 8 << 20;
const HEADERS = { "content-type": "application/octet-stream" };

export interface Calls {
  call(
    path: string | URL,
    call: {
      method?: "GET" | "POST" | "PATCH" | "PUT";
      headers?: Record<string, string>;
      body?: Blob;
      expects: readonly number[];
    },
  ): Promise<Response>;
  /** What fails for a moment is attempted once more. */
  again<T>(attempt: () => Promise<T>): Promise<T>;
  /** Where the upload goes on. */
  placeOf(answer: Response): URL;
}

/** `from`: a repository that may have it. @returns whether it was taken from there, so that nothing was sent */
export async function upload(
  calls: Calls,
  digest: string,
  body: Blob,
  from?: string,
): Promise<boolean> {
  const isSmall = body.size <= PIECE_BYTES;
  let place: URL | undefined;
  let sent = 0;
  return calls.again(async () => {
    const known = isSmall || place === undefined ? undefined : await standOf(calls, place);
    const begun = known ?? (await begin(calls, digest, from));
    if (begun === "mounted") return true;
    [place, sent] = begun;
    while (!isSmall && sent < body.size) {
      const end = Math.min(sent + PIECE_BYTES, body.size);
      const headers = { ...HEADERS, "content-range": `${sent}-${end - 1}` };
      const piece = {
        method: "PATCH",
        headers,
        body: body.slice(sent, end),
        expects: [202],
      } as const;
      place = calls.placeOf(await calls.call(place, piece));
      sent = end;
    }
    const whole = new URL(place);
    whole.searchParams.set("digest", digest);
    const rest = isSmall ? { body } : {};
    await calls.call(whole, { method: "PUT", headers: HEADERS, ...rest, expects: [201] });
    return false;
  });
}

async function begin(calls: Calls, digest: string, from: string | undefined) {
  const query = from === undefined ? "" : `?${new URLSearchParams({ mount: digest, from })}`;
  const asked = { method: "POST", expects: [201, 202] } as const;
  const answer = await calls.call(`/blobs/uploads/${query}`, asked);
  if (answer.status === 201) return "mounted";
  return [calls.placeOf(answer), 0] as [URL, number];
}

/** @returns undefined where the registry has given it up */
async function standOf(calls: Calls, place: URL): Promise<[URL, number] | undefined> {
  const answer = await calls.call(place, { expects: [204, 404] });
  if (answer.status === 404) return undefined;
  const last = Number(/-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1] ?? 0);
  // "0-0" is how registries say that they have nothing.
  return [calls.placeOf(answer), last === 0 ? 0 : last + 1];
}
