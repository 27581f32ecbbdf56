import { define, failed, refused, wrongUsage } from "./define.ts";

/** What any part of tsugi may say, wherever it runs. */
export const COMMON_ERRORS = define({
  TSUGI_USAGE: wrongUsage("{problem}", "{help}"),
  TSUGI_INTERNAL: failed(
    "Unexpected failure: {problem}",
    "This is a bug in tsugi; run again with TSUGI_DEBUG=1 and report the stack trace.",
  ),
  TSUGI_MACHINE_REFUSED: failed(
    "The machine refuses it: {problem}",
    "{remedy} · on a host: {bin} doctor",
  ),
  TSUGI_FORMAT_UNKNOWN: refused(
    "{what} has format {found}; this tsugi reads format {expected}.",
    "Use the tsugi that made it, or a newer one.",
  ),
  TSUGI_MANIFEST_INVALID: refused(
    "{where} is not a release manifest: {problem}.",
    "Build the release again (tsugi release), or fetch it again.",
  ),
});
