/** What the random operator types: a row for each command of `bin/<app>`. */
import type { NodeVerb } from "../../../src/contract/commands/host.ts";
import { oneOf, type Random } from "../random.ts";

export type Verb = NodeVerb;

export interface Typed {
  verb: Verb;
  args: string[];
  /** The version that it goes to, where it names one. */
  to?: string;
  /** It goes on until a signal ends it. */
  isEndless?: boolean;
  input?: string;
}

type Arguments = (version: string, below: Random) => Omit<Typed, "verb">;

const alone: Arguments = () => ({ args: [] });
const named: Arguments = (version) => ({ args: [version], to: version });

const ARGUMENTS: Record<Verb, Arguments> = {
  start: (version, below) =>
    below(3) === 0 ? { args: ["--version", version], to: version } : { args: [] },
  stop: alone,
  restart: alone,
  reload: alone,
  foreground: () => ({ args: [], isEndless: true }),
  ping: alone,
  pid: alone,
  status: alone,
  doctor: alone,
  ps: alone,
  metrics: alone,
  follow: () => ({ args: ["var/wanted", "--every", "1"], isEndless: true }),
  logs: (_version, below) =>
    below(2) === 0 ? { args: ["-n", "5"] } : { args: ["-f"], isEndless: true },
  console: () => ({ args: [], input: "1 + 1\n" }),
  rpc: () => ({ args: ["process.pid"] }),
  releases: alone,
  describe: named,
  unpack: named,
  plan: named,
  check: named,
  install: named,
  commit: alone,
  upgrade: named,
  downgrade: named,
  rollback: alone,
  remove: named,
  prune: () => ({ args: ["--keep", "2"] }),
  inventory: alone,
  systemd: alone,
  version: alone,
  completion: () => ({ args: ["bash"] }),
};

const VERBS = Object.keys(ARGUMENTS) as Verb[];
/** What changes something comes more often than what only looks. */
const CHANGING: Verb[] = ["start", "stop", "upgrade", "upgrade", "rollback", "install", "reload"];

/** Where nothing runs there is little to see: a start is what a person types most. */
export function typeSomething(
  versions: readonly string[],
  isRunning: boolean,
  below: Random,
): Typed {
  const starts = !isRunning && below(2) === 0;
  const verb = starts ? "start" : oneOf(below(2) === 0 ? CHANGING : VERBS, below);
  return { verb, ...ARGUMENTS[verb](oneOf(versions, below), below) };
}
