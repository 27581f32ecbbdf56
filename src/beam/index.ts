/** Elixir and Erlang projects: what `tsugi release` calls where it finds one. */
export { planBeam } from "./plan.ts";
export { beamName, isBeamProject } from "./project.ts";
export { releaseBeam } from "./release.ts";
