/** Stores: what a host uses of them, loaded where one is named. */
export { titleOf } from "./artefact.ts";
export { isStoreReference, lookUpNamed } from "./named.ts";
export { takeLayers } from "./take.ts";
