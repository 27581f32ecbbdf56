import { define } from "./define.ts";

/** What any part of tsugi may say, wherever it runs. */
export const COMMON_ERRORS = define({
  TSUGI_USAGE: { exitCode: 2, message: "{problem}", hint: "{help}" },
  TSUGI_INTERNAL: {
    exitCode: 1,
    message: "Unexpected failure: {problem}",
    hint: "This is a bug in tsugi; run again with TSUGI_DEBUG=1 and report the stack trace.",
  },
  TSUGI_MACHINE_REFUSED: {
    exitCode: 1,
    message: "The machine refuses it: {problem}",
    hint: "What it lacks, room or files or a disk that can be written: df -h · df -i · on a host: {bin} doctor",
  },
  TSUGI_FORMAT_UNKNOWN: {
    exitCode: 4,
    message: "{what} has format {found}; this tsugi reads format {expected}.",
    hint: "Use the tsugi that made it, or a newer one.",
  },
  TSUGI_MANIFEST_INVALID: {
    exitCode: 4,
    message: "{where} is not a release manifest: {problem}.",
    hint: "Build the release again (tsugi release), or fetch it again.",
  },
});
