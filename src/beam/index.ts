/** Elixir and Erlang projects: what `tsugi release` calls where it finds one. */
export { isBeamProject } from "./project.ts";
export { type BeamRequest, releaseBeam } from "./release.ts";
