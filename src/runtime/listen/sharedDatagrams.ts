/**
 * One bound UDP socket of the application, on its generation's copy of the kernel's. Options, groups
 * and the peer belong to the kernel's, and so to all generations: the next one finds them set, and
 * whoever begins to read puts groups and peer as its own code has them.
 */
import type { Socket } from "node:dgram";
import { constants } from "node:os";
import type { ListenKey } from "../../protocol/listenKey.ts";
import {
  type DatagramHandle,
  type DatagramMethods,
  direct,
  type Membership,
  ownMethods,
  type Peer,
} from "../node/datagrams.ts";

export class SharedDatagrams {
  readonly socket: Socket;
  readonly key: ListenKey;
  readonly #handle: DatagramHandle;
  readonly #own: DatagramMethods;
  /** At rest, the kernel's socket is another generation's to direct. */
  #receiving = false;
  #peer: Peer | undefined;
  /** By what they were joined with. */
  readonly #groups = new Map<string, () => number>();

  constructor(socket: Socket, key: ListenKey, handle: DatagramHandle, onClosed: () => void) {
    this.socket = socket;
    this.key = key;
    this.#handle = handle;
    this.#own = ownMethods(handle);
    handle.close = (callback) => {
      this.#own.close(callback);
      onClosed();
    };
    this.#takeCharge();
  }

  get wantsLife(): boolean {
    return this.#handle.hasRef?.() !== false;
  }

  /** As its code has it: another generation may have directed it elsewhere, or left a group. */
  receive(): void {
    this.#receiving = true;
    for (const join of this.#groups.values()) join();
    direct(this.#own, this.#peer);
    this.#own.recvStart();
  }

  freeze(): void {
    this.#receiving = false;
    this.#own.recvStop();
  }

  /** Of all that would change the kernel's socket under whoever reads it. */
  #takeCharge(): void {
    const ifReceiving = (act: () => number) => (this.#receiving ? act() : 0);
    const joins =
      (method: "addMembership" | "addSourceSpecificMembership") =>
      (...parts: Parameters<Membership>) => {
        const join = () => joined(this.#own[method](...parts));
        const errno = join();
        if (errno === 0) this.#groups.set(parts.join(), join);
        return errno;
      };
    const leaves =
      (method: "dropMembership" | "dropSourceSpecificMembership") =>
      (...parts: Parameters<Membership>) => {
        this.#groups.delete(parts.join());
        return ifReceiving(() => this.#own[method](...parts));
      };
    const directs = (peer: Peer | undefined) => {
      this.#peer = peer;
      return ifReceiving(() => direct(this.#own, peer));
    };
    Object.assign(this.#handle, {
      recvStart: () => ifReceiving(() => this.#own.recvStart()),
      addMembership: joins("addMembership"),
      addSourceSpecificMembership: joins("addSourceSpecificMembership"),
      dropMembership: leaves("dropMembership"),
      dropSourceSpecificMembership: leaves("dropSourceSpecificMembership"),
      connect: (ip: string, port: number) => directs({ ip, port }),
      disconnect: () => directs(undefined),
    });
  }
}
/** A generation before has joined: the kernel says so by an error. */
const joined = (errno: number): number =>
  [constants.errno.EADDRINUSE, constants.errno.EADDRNOTAVAIL].includes(-errno) ? 0 : errno;
