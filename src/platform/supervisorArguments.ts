/**
 * Of a supervisor's node. It waits nearly always: V8's optimizing compilers would take 10 MB of memory as
 * soon as something has been asked often, as metrics are; all that is to gain is a hundredth of a second in
 * a hundred thousand lines of log. And what is young is thrown away early, in MB.
 */
export const SUPERVISOR_ARGUMENTS: readonly string[] = [
  "--no-opt",
  "--no-maglev",
  "--max-semi-space-size=1",
];
