/** What names a release in a store, as a host's commands take it. */
import { resolve } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { APP_NAME, VERSION_NAME } from "../release/names.ts";
import { FOREIGN } from "./artefact.ts";
import { OciClient } from "./client.ts";
import { filesBelow, ImageLayout } from "./layout.ts";
import { LATEST, parseOciReference, SCHEME } from "./reference.ts";
import type { ReleaseSource } from "./source.ts";
import { type FoundRelease, lookUp, notInStore } from "./take.ts";

const IN_FOLDER = new RegExp(`^(.+)#(?:(${APP_NAME})@)?(${VERSION_NAME})$`);

export const isStoreReference = (text: string): boolean =>
  text.startsWith(SCHEME) || IN_FOLDER.test(text);

export interface Named {
  source: ReleaseSource;
  found: FoundRelease;
  /** The very release: a tag may be another one the next time. */
  exactly: string;
}

/**
 * `oci://registry/app[:tag]`, or `<folder>#[<app>@]<version>`, since a host knows its app.
 * @throws TSUGI_NOT_IN_STORE, TSUGI_STORE_DAMAGED, TSUGI_UNPACK_REFUSED
 */
export async function lookUpNamed(text: string, app: string): Promise<Named> {
  const { source, version, found, exactly } = text.startsWith(SCHEME)
    ? await inRegistry(text)
    : await inFolder(text, app);
  if (found?.name !== app) {
    throw notInStore(source, { name: app, version }, found);
  }
  return { source, found, exactly: exactly(found) };
}

async function inRegistry(text: string) {
  const { reference: version = LATEST, ...repository } = parseOciReference(text);
  const source = new OciClient(repository);
  const found = await lookUp(source, version);
  if (found === FOREIGN) {
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source: text, problem: found });
  }
  return {
    source,
    version,
    found,
    exactly: ({ digest }: FoundRelease) => `${source.where}@${digest}`,
  };
}

async function inFolder(text: string, app: string) {
  const [, store = "", name = app, version = ""] = IN_FOLDER.exec(text) ?? [];
  if (store.startsWith("ssh://")) {
    const problem = "a host goes to folders and registries only; bring it: tsugi pull, or deploy";
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source: text, problem });
  }
  const source = new ImageLayout(filesBelow(resolve(store)));
  const found = await source.find(name, version);
  const exactly = (release: FoundRelease) => `${source.where}#${name}@${release.version}`;
  return { source, version, found, exactly };
}
