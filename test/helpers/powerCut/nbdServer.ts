/**
 * A disk for nbdfuse (NBD, fixed newstyle: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md),
 * on a socket of this machine. What it is made of is the caller's; it reads, writes and flushes, no more.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

export interface Disk {
  bytes: number;
  read(offset: number, length: number): Buffer;
  write(offset: number, data: Buffer): void;
  flush(): void;
}

const OPTION_MAGIC = 0x49484156454f5054n; // IHAVEOPT
const REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const ANSWER_MAGIC = 0x67446698;
const OPTION = { exportName: 1, abort: 2, go: 7 } as const;
const REPLY = { ack: 1, info: 3, unsupported: 0x80000001 } as const;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
/** HAS_FLAGS, SEND_FLUSH */
const FLAGS = 0b101;
const INVALID = 22;

export async function serveDisk(disk: Disk, socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    converse(new Reader(socket), socket, disk).catch(() => socket.destroy());
  });
  server.listen(socketPath);
  await once(server, "listening");
  return server;
}

async function converse(reader: Reader, socket: Socket, disk: Disk): Promise<void> {
  const greeting = Buffer.alloc(18);
  greeting.write("NBDMAGICIHAVEOPT", "latin1");
  greeting.writeUInt16BE(0b11, 16); // fixed newstyle, no zeroes
  socket.write(greeting);
  await reader.take(4);
  if (await negotiate(reader, socket, disk)) await transmit(reader, socket, disk);
  socket.end();
}

/** @returns whether the disk is wanted */
async function negotiate(reader: Reader, socket: Socket, disk: Disk): Promise<boolean> {
  for (;;) {
    const head = await reader.take(16);
    if (head.readBigUInt64BE(0) !== OPTION_MAGIC) return false;
    const option = head.readUInt32BE(8);
    await reader.take(head.readUInt32BE(12));
    if (option === OPTION.exportName) {
      socket.write(exportOf(disk));
      return true;
    }
    if (option === OPTION.go) {
      const info = Buffer.concat([Buffer.alloc(2), exportOf(disk)]);
      socket.write(reply(option, REPLY.info, info));
      socket.write(reply(option, REPLY.ack));
      return true;
    }
    socket.write(reply(option, option === OPTION.abort ? REPLY.ack : REPLY.unsupported));
    if (option === OPTION.abort) return false;
  }
}

function exportOf({ bytes }: Disk): Buffer {
  const export_ = Buffer.alloc(10);
  export_.writeBigUInt64BE(BigInt(bytes), 0);
  export_.writeUInt16BE(FLAGS, 8);
  return export_;
}

function reply(option: number, type: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(REPLY_MAGIC, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(data.length, 16);
  return Buffer.concat([head, data]);
}

async function transmit(reader: Reader, socket: Socket, disk: Disk): Promise<void> {
  for (;;) {
    const head = await reader.take(28);
    if (head.readUInt32BE(0) !== REQUEST_MAGIC) return;
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const answer = Buffer.alloc(16);
    answer.writeUInt32BE(ANSWER_MAGIC, 0);
    head.copy(answer, 8, 8, 16);
    if (command === COMMAND.disconnect) return;
    if (command === COMMAND.write) disk.write(offset, await reader.take(length));
    else if (command === COMMAND.flush) disk.flush();
    else if (command !== COMMAND.read) answer.writeUInt32BE(INVALID, 4);
    socket.write(answer);
    if (command === COMMAND.read) socket.write(disk.read(offset, length));
  }
}

/** So many bytes of a stream at a time. */
class Reader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      this.#wake?.();
    });
    socket.on("close", () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  async take(count: number): Promise<Buffer> {
    while (this.#bytes < count) {
      if (this.#isOver) throw new Error("the connection has ended");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(count)];
    this.#bytes -= count;
    return all.subarray(0, count);
  }
}
