/**
 * The program behind `npm run long -- power`: an install root on a disk of its own is upgraded, rolled back
 * and pruned, and each request to the disk is recorded. Then the power is cut, here and there: the disk
 * as it would be is mounted, and `start` has to boot a whole version: the one that was acknowledged last, or
 * the one that was under way.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { mustRun, runCommand } from "../commands.ts";
import { needPackages } from "../debian.ts";
import { freePort } from "../ports.ts";
import { random } from "../random.ts";
import { buildWall } from "../wall.ts";
import { type Cut, chooseCuts, writtenAt } from "./cuts.ts";
import { DiskHandle } from "./diskProcess.ts";
import type { Write } from "./disks.ts";
import { mountDisk } from "./mounted.ts";
import { allowedAt, carryOut, type Done, FIRST_VERSION, stepsWith } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    cuts: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    write: { type: "boolean", default: false },
  },
});
const [count, seed] = [Number(values.cuts), Number(values.seed)];
const command = `npm run long -- power --cuts ${count} --seed ${seed}`;
console.log(`seed ${seed}; the same again: ${command}`);

const DISK_BYTES = 600 << 20;
const programs = ["nbdfuse", "fusermount3", "mkfs.ext4", "losetup"];
await needPackages(programs, ["libnbd-bin", "fuse3", "e2fsprogs", "mount"]);

const folder = mkdtempSync(join(tmpdir(), "tsugi-power-"));
const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: "/* two */" },
  "0.0.3": { extra: "/* three */" },
});
const port = await freePort();
const diskAt = (path: string, name: string, writes?: Write[]) =>
  DiskHandle.open({
    path,
    bytes: DISK_BYTES,
    socket: join(folder, name),
    ...(writes && { writes }),
  });
const env = { PATH: process.env.PATH, LANG: "C.UTF-8", TSUGI_EPHEMERAL: "1" };
const bin = (root: string) => (args: string[]) =>
  mustRun(join(root, "wall/bin/wall"), args, { cwd: "/", env });

try {
  const { requests, done, before } = await record();
  const below = random(seed);
  const failures: string[] = [];
  const booted = new Map<string, number>();
  for (const [index, cut] of chooseCuts(requests, count, below).entries()) {
    const writes = writtenAt(requests, cut, below);
    const result = await boot(await diskAt(before, `cut${index}`, writes));
    const allowed = allowedAt(cut.at, done);
    const isRight = allowed.has(result.version);
    booted.set(result.version, (booted.get(result.version) ?? 0) + 1);
    const words = `${index + 1}: ${describe(cut, done)}: ${result.version}, of ${[...allowed].join(" or ")}`;
    console.log(isRight ? words : `FAIL ${words}\n${result.output}`);
    if (!isRight) failures.push(words);
  }
  const flushes = requests.filter((request) => request === "flush").length;
  const lines = [
    `${count} cuts into ${requests.length - flushes} writes and ${flushes} flushes of ${done.length} commands, ext4, seed ${seed}`,
    `booted: ${[...booted]
      .sort()
      .map(([version, times]) => `${times} × ${version}`)
      .join(", ")}`,
    `no whole version, or one that nobody may have expected: ${failures.length}`,
  ];
  console.log(lines.join("\n"));
  if (values.write)
    writeSection({ name: "power", command, body: `\`\`\`text\n${lines.join("\n")}\n\`\`\`` });
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  wall.dispose();
  rmSync(folder, { recursive: true, force: true });
}

async function record() {
  const staged = join(folder, "staged", "wall");
  mkdirSync(join(staged, "etc"), { recursive: true });
  await mustRun("tar", ["xzf", wall.tarball(FIRST_VERSION), "-C", staged]);
  writeFileSync(join(staged, "etc/env"), `PORT=${port}\n`, { mode: 0o600 });
  const config = { timeouts: { probationMs: 500, stopMs: 3_000 }, health: { intervalMs: 50 } };
  writeFileSync(join(staged, "etc/config.json"), JSON.stringify(config));
  const [image, before] = [join(folder, "disk.img"), join(folder, "before.img")];
  writeFileSync(image, "");
  truncateSync(image, DISK_BYTES);
  await mustRun("mkfs.ext4", ["-q", "-F", image]);
  const disk = await diskAt(image, "disk");
  const first = await mountDisk(disk.socket);
  await mustRun("cp", ["-a", staged, first.folder]);
  const run = bin(first.folder);
  await run(["start"]);
  await run(["stop"]);
  await first.unmount();
  copyFileSync(image, before);
  await disk.record();
  const second = await mountDisk(disk.socket);
  const done = await carryOut(stepsWith(wall.tarball), bin(second.folder), () => disk.count());
  const requests = await disk.requests();
  await second.unmount();
  await disk.close();
  return { requests, done, before };
}

/** What a start makes of it. */
async function boot(disk: DiskHandle): Promise<{ version: string; output: string }> {
  const { folder: root, unmount } = await mountDisk(disk.socket);
  const app = (...args: string[]) =>
    runCommand(join(root, "wall/bin/wall"), args, { cwd: "/", env });
  try {
    const started = await app("start");
    if (started.status !== 0) return { version: "none", output: started.output };
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    const { version } = (await answer.json()) as { version: string };
    const listed = await app("releases", "--json");
    await app("stop");
    return listed.status === 0
      ? { version, output: "" }
      : { version: "none", output: listed.output };
  } finally {
    await unmount();
    await disk.close();
  }
}

function describe({ at, kind }: Cut, done: readonly Done[]): string {
  const during = done.find(({ from, to }) => from <= at && at < to)?.does[0] ?? "nothing";
  return `request ${at}, ${kind}, during ${during}`;
}
