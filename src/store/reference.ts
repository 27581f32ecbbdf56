/**
 * How a release is named wherever one is asked for:
 *
 *   ./wall/, wall.tar.gz               a path, where there is such a file or folder
 *   wall@1.2.0, wall@latest            in the store of the configuration
 *   <store>#wall@1.2.0                 in that store: a folder, ssh://host/folder, oci://registry/wall
 *   oci://registry/wall:1.2.0          in that registry, by any tag or @sha256:…; without one: latest
 *   ssh://host/srv/wall                what runs in that install root
 */

import { existsSync } from "node:fs";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { formatRepository, LATEST, parseOciReference, SCHEME } from "../oci/reference.ts";
import { APP_NAME, VERSION_NAME } from "../release/names.ts";

export type Place =
  | { kind: "path"; path: string }
  | ({ kind: "stored" } & StoreReference)
  | { kind: "host"; address: string };

export interface StoreReference {
  /** Undefined: the store of the configuration. */
  store: string | undefined;
  /** Undefined: `version` is a tag or a digest in a repository, which has one application. */
  name?: string;
  /** `latest`: the one that was pushed last. */
  version: string;
}

const RELEASE = new RegExp(`^(${APP_NAME})@(${VERSION_NAME})$`);

/** @throws TSUGI_REFERENCE_INVALID */
export function parsePlace(text: string): Place {
  if (text.startsWith(SCHEME) && !text.includes("#")) {
    const { reference, ...repository } = parseOciReference(text);
    const store = formatRepository(repository);
    return { kind: "stored", store, version: reference ?? LATEST };
  }
  if (!text.startsWith("ssh://") && existsSync(text)) return { kind: "path", path: text };
  const hash = text.lastIndexOf("#");
  const match = RELEASE.exec(text.slice(hash + 1));
  if (match !== null && hash !== 0) {
    const store = hash < 0 ? undefined : text.slice(0, hash);
    return { kind: "stored", store, name: match[1]!, version: match[2]! };
  }
  if (hash >= 0) throw new TsugiError("TSUGI_REFERENCE_INVALID", { text });
  return text.startsWith("ssh://") ? { kind: "host", address: text } : { kind: "path", path: text };
}

export interface SshAddress {
  host: string;
  user?: string;
  port?: number;
  /** Absolute; below the home of the user where the address has `/~/`. */
  folder: string;
}

/** `ssh://[user@]host[:port]/folder`. @throws TSUGI_REFERENCE_INVALID */
export function parseSshAddress(text: string): SshAddress {
  const match = /^ssh:\/\/(?:([^@/:]+)@)?(\[[^\]]+\]|[^@/:]+)(?::(\d+))?(\/[^#]+)$/.exec(text);
  const [, user, host, port, path] = match ?? [];
  if (host === undefined || path === undefined || host.startsWith("-") || /[\0\n]/.test(text)) {
    throw new TsugiError("TSUGI_REFERENCE_INVALID", { text });
  }
  return {
    host: host.replace(/^\[|\]$/g, ""),
    ...defined({ user }),
    ...(port === undefined ? {} : { port: Number(port) }),
    folder: path.startsWith("/~/") ? path.slice(3) : path,
  };
}
