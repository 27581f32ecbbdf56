/** What an exit code says, of `tsugi` as of `bin/<app>`. */
export const EXITS = {
  0: "done",
  1: "failed",
  2: "wrong usage",
  3: "not running",
  4: "refused or thawed: the old version serves as before",
  5: "handed back: the old version serves again",
} as const;
