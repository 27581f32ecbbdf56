/** The test's end of `TSUGI_FAULT=<folder>` (src/platform/faults.ts). */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Held {
  pid: number;
  label: string;
}

export class FaultFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  /** From here on passes are counted anew. */
  arm(what: string): void {
    rmSync(this.#at("passed"), { force: true });
    writeFileSync(this.#at("armed"), what);
  }

  disarm(): void {
    rmSync(this.#at("armed"), { force: true });
  }

  /** Nothing has passed there yet. */
  get isArmed(): boolean {
    return read(this.#at("armed")) !== undefined;
  }

  get passed(): string[] {
    const lines = read(this.#at("passed"))?.trimEnd().split("\n") ?? [];
    return lines.map((line) => line.slice(line.indexOf(" ") + 1));
  }

  get held(): Held | undefined {
    const match = /^(\d+) (.+)$/.exec(read(this.#at("held")) ?? "");
    return match ? { pid: Number(match[1]), label: match[2]! } : undefined;
  }

  release(): void {
    rmSync(this.#at("held"), { force: true });
  }

  #at(name: string): string {
    return join(this.path, name);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
