/** Registries: what a host uses of them, loaded where one is named. */
export { titleOf } from "./artefact.ts";
export { lookUpNamed, takeLayers } from "./take.ts";
