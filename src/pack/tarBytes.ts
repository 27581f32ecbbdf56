/** Tars that are the same bytes whoever makes them: no time, no owner's name. */
import { type Header, type Pack, pack } from "tar-stream";

/** Root's, where nothing else is said. */
export const PLAIN_HEADER = {
  mtime: new Date(0),
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
} as const satisfies Partial<Header>;

/** What `fill` has put in, and the end of the archive. */
export async function tarBytes(fill: (tar: Pack) => void | Promise<void>): Promise<Buffer> {
  const tar = pack();
  const chunks: Uint8Array[] = [];
  const read = (async () => {
    for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  })();
  await fill(tar);
  tar.finalize();
  await read;
  return Buffer.concat(chunks);
}
