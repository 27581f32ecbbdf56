/** The service written in Erlang, a release made by systools, upgraded by release_handler. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { needPackages } from "../../test/helpers/debian.ts";
import { projectRoot } from "../../test/helpers/example.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { type Bench, endChild } from "../lib/bench.ts";
import { type Contestant, childrenOf } from "./contestant.ts";

const MAKE = join(projectRoot, "bench", "apps", "otpFeed", "make.escript");
const FIRST = "1.0.0";

export class Otp implements Contestant {
  readonly name = "otp";
  readonly port: number;
  /** Where releases are built: each needs the one before for its relup. */
  readonly workshop: string;
  readonly #bench: Bench;
  readonly #root: string;
  #version = FIRST;
  #vm: ChildProcess | undefined;

  static async make(bench: Bench): Promise<Otp> {
    await needPackages(["erl", "escript", "mix"], ["elixir"]);
    const otp = new Otp(bench, join(bench.folder, "otp-feed"), await freePort());
    await otp.build(FIRST);
    await mustRun("escript", [MAKE, "install", otp.workshop, FIRST, otp.#root]);
    return otp;
  }

  private constructor(bench: Bench, folder: string, port: number) {
    this.#bench = bench;
    this.workshop = join(folder, "workshop");
    this.#root = join(folder, "root");
    for (const place of [this.workshop, this.#root]) mkdirSync(place, { recursive: true });
    this.port = port;
  }

  /** @returns the tarball */
  async build(version: string, ...before: string[]): Promise<string> {
    rmSync(join(this.workshop, "relup"), { force: true });
    await mustRun("escript", [MAKE, "build", this.workshop, version, ...before]);
    return join(this.workshop, `feed-${version}.tar.gz`);
  }

  async start() {
    const erts = join(
      this.#root,
      readdirSync(this.#root).find((name) => name.startsWith("erts-"))!,
    );
    const release = join(this.#root, "releases", this.#version);
    const args = ["-boot", join(release, "start"), "-config", join(release, "sys"), "-noshell"];
    const vm = spawn(join(erts, "bin", "erlexec"), args, {
      env: {
        ...{ PATH: process.env.PATH, HOME: this.#root, PORT: String(this.port) },
        ...{ ROOTDIR: this.#root, BINDIR: join(erts, "bin"), EMU: "beam", PROGNAME: "erl" },
      },
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    vm.stdout.setEncoding("utf8");
    this.#vm = vm;
    this.#bench.onEnd(() => endChild(vm));
  }

  async stop() {
    const vm = this.#vm!;
    const ended = new Promise((resolve) => vm.once("exit", resolve));
    vm.stdin!.end();
    await ended;
  }

  async prepare(version: string) {
    const tarball = await this.build(version, this.#version);
    copyFileSync(tarball, join(this.#root, "releases", `feed-${version}.tar.gz`));
    return async () => {
      const answer = new Promise<string>((resolve) => this.#vm!.stdout!.once("data", resolve));
      this.#vm!.stdin!.write(`upgrade ${version}\n`);
      const said = await answer;
      if (said !== "done\n") throw new Error(`release_handler: ${said}`);
      this.#version = version;
    };
  }

  /** The VM supervises itself; `erl_child_setup` and the like look after nothing of ours. */
  async pids() {
    const vm = this.#vm!.pid!;
    return {
      supervising: [],
      serving: [vm, ...childrenOf(vm)].filter((pid) => existsSync(`/proc/${pid}`)),
    };
  }
}
