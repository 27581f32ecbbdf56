/**
 * A blob on its way into a registry: a small one in one piece; a large one in several, so that what was
 * cut off goes on from where the registry has it.
 */
import type { Connection } from "./connection.ts";

const PIECE_BYTES = 8 << 20;
const HEADERS = { "content-type": "application/octet-stream" };

/** `from`: a repository that may have it. @returns whether it was taken from there, so that nothing was sent */
export async function upload(
  connection: Connection,
  digest: string,
  body: Blob,
  from?: string,
): Promise<boolean> {
  const isSmall = body.size <= PIECE_BYTES;
  let place: URL | undefined;
  let [sent, most] = [0, 0];
  return connection.again(async (cameOn) => {
    const known = isSmall || place === undefined ? undefined : await standOf(connection, place);
    const begun = known ?? (await begin(connection, digest, from));
    if (begun === "mounted") return true;
    [place, sent] = begun;
    while (!isSmall && sent < body.size) {
      const end = Math.min(sent + PIECE_BYTES, body.size);
      const headers = { ...HEADERS, "content-range": `${sent}-${end - 1}` };
      const piece = { headers, body: body.slice(sent, end), expects: [202] };
      const answer = await connection.call(place, { method: "PATCH", ...piece });
      place = placeOf(connection, answer);
      sent = end;
      if (sent <= most) continue;
      most = sent;
      cameOn();
    }
    const whole = new URL(place);
    whole.searchParams.set("digest", digest);
    const rest = isSmall ? { body } : {};
    await connection.call(whole, { method: "PUT", headers: HEADERS, ...rest, expects: [201] });
    return false;
  });
}

async function begin(connection: Connection, digest: string, from: string | undefined) {
  const query = from === undefined ? "" : `?${new URLSearchParams({ mount: digest, from })}`;
  const asked = { method: "POST", expects: [201, 202] } as const;
  const answer = await connection.call(`/blobs/uploads/${query}`, asked);
  if (answer.status === 201) return "mounted";
  return [placeOf(connection, answer), 0] as [URL, number];
}

/** @returns undefined where the registry has given it up */
async function standOf(connection: Connection, place: URL): Promise<[URL, number] | undefined> {
  const answer = await connection.call(place, { expects: [204, 404] });
  if (answer.status === 404) return undefined;
  const last = Number(/-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1] ?? 0);
  // "0-0" is how registries say that they have nothing.
  return [placeOf(connection, answer), last === 0 ? 0 : last + 1];
}

/** Where the upload goes on. */
function placeOf(connection: Connection, answer: Response): URL {
  const location = answer.headers.get("location");
  if (location === null) throw connection.failed("it says no place for an upload");
  return new URL(location, `${connection.base}/`);
}
