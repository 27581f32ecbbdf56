/** A git repository for the tests of clean builds. Nothing of the machine's git configuration counts. */
import { mkdirSync } from "node:fs";
import { mustRun } from "./commands.ts";
import { writeFiles } from "./projects.ts";

export const PLAIN_GIT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

export class Repository {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string, files: Record<string, unknown>): Promise<Repository> {
    mkdirSync(folder, { recursive: true });
    const repository = new Repository(folder);
    await repository.git("init", "--quiet", "--initial-branch=main");
    await repository.commit(files);
    return repository;
  }

  async git(...args: string[]): Promise<string> {
    const env = { ...process.env, ...PLAIN_GIT };
    return (await mustRun("git", args, { cwd: this.folder, env })).stdout.trim();
  }

  /** @returns the commit */
  async commit(files: Record<string, unknown>): Promise<string> {
    writeFiles(this.folder, files);
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", "--message=a commit");
    return this.git("rev-parse", "HEAD");
  }
}
