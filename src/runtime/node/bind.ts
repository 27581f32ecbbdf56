/**
 * What `cluster` itself uses to bind for its workers; there is no documented way to bind without
 * accepting. test/contract holds it for every supported Node.
 */
import net from "node:net";
import type { RawHandle } from "./internals.ts";

type CreateServerHandle = (
  address: string | null,
  port: number,
  addressType: 4 | 6 | -1 | null,
  fd: number | null | undefined,
  flags: number | undefined,
) => RawHandle | number;

/** Returns an errno, negative, where it can't be bound. */
export const createServerHandle: CreateServerHandle = (
  net as unknown as { _createServerHandle: CreateServerHandle }
)._createServerHandle;
