/**
 * What the last words of a service say about its trial. Those of the first table no host could help:
 * the build is an error. The others may have to do with the machine: a warning, with what to do next.
 */

export interface Verdict {
  /** Why no host could start it. */
  why: string;
  todo: string;
}

const UNFIT_SOURCE =
  'Correct it there; TypeScript that Node does not take as it is: build: "compile" in tsugi.config.ts';

/** Node's own words; no variable and no database would help. The first that fits says it best. */
const PACKED_WRONG: readonly (readonly [words: RegExp, verdict: Verdict])[] = [
  [
    /^\s*@[\w.]+.*\n\s*\^+\s*\n[\s\S]*SyntaxError: Invalid or unexpected token/m,
    {
      why: "Node knows no decorators",
      todo: "experimentalDecorators in a tsconfig.json that takes that file: beside package.json, or named by tsc -p in the build script",
    },
  ],
  [
    // Of what the app parses when it runs (JSON, a pattern, a number), a frame without a file comes next.
    /^.*\bSyntaxError(?: \[\w+\])?: .*$(?!\n\s+at .*\(<anonymous>\))|\bERR_(INVALID|UNSUPPORTED)_TYPESCRIPT_SYNTAX\b/m,
    { why: "Node can't read a source, or what one module wants of another", todo: UNFIT_SOURCE },
  ],
  [
    /\bERR_(MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT)\b|\bMODULE_NOT_FOUND\b|Cannot find (module|package) '/,
    {
      why: "a module is not in what was packed",
      todo: "A file that is not packed: files in tsugi.config.ts · a package: npm install it, without --save-dev",
    },
  ],
  [
    /\b(ERR_UNKNOWN_FILE_EXTENSION|ERR_UNSUPPORTED_\w+|ERR_REQUIRE_\w+)\b/,
    { why: "Node does not load one module in the way another asks for it", todo: UNFIT_SOURCE },
  ],
  [
    /\bERR_DLOPEN_FAILED\b/,
    {
      why: "a compiled package does not load in the release's Node",
      todo: "Compile it for that one: npm rebuild · what its words name may also be missing here: install that",
    },
  ],
  [
    /bad option: /,
    {
      why: "Node does not know one of its options",
      todo: "Take it out of the start script, or out of nodeArgs in tsugi.config.ts",
    },
  ],
  [
    /Could not find a production build/,
    { why: "the framework's own build is not there", todo: "Make it first: npm run build" },
  ],
  [
    /TSUGI_MANIFEST_INVALID/,
    {
      why: "its manifest is not valid",
      todo: "Say so where tsugi comes from: it has written that",
    },
  ],
];

export const packedWrong = (words: string): Verdict | undefined =>
  PACKED_WRONG.find(([pattern]) => pattern.test(words))?.[1];

/** Of a path, `<root>/lib/<app>-<version>/` is what the trial has put before it. */
const NEXT: readonly (readonly [words: RegExp, next: (found: string) => string])[] = [
  // By runtime/worker/writeGuard.ts, which names `shared`.
  [/EROFS.*the folder of a version/, () => "It says itself what to do about that"],
  [
    /EADDRINUSE.*?:(\d+)\b/,
    (port) =>
      `Something here listens on port ${port} already, the service in development perhaps: end it and build again. One that listens on process.env.PORT gets a free one for the trial`,
  ],
  [
    /ENOENT[^\n]*?'(?:<root>\/lib\/[^/']+\/|(?:\.\/)?(?=[^/'.]))([^']+)'/,
    (path) =>
      `${path} is not there: what the app reads is packed by files, and what it writes lives in shared, in tsugi.config.ts`,
  ],
];

/** What to do about words that are no verdict. */
export function nextAfter(words: string): string {
  for (const [pattern, next] of NEXT) {
    const found = pattern.exec(words);
    if (found !== null) return next(found[1] ?? "");
  }
  return "What it lacks of a host here, a variable or a database, it gets there by etc/env; if it lacks none, it would not start there either";
}
