/** Registries: what a host and the build machine's stores use of them. */
export { type OciRelease, titleOf } from "./artefact.ts";
export { OciClient } from "./client.ts";
export { parseOciReference } from "./reference.ts";
export { type FoundRelease, lookUp, takeLayers, takeTarball } from "./take.ts";
