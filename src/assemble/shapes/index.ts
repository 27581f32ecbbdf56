/** The table of shapes, the particular ones first: the first that recognises a project has it. */
import { TsugiError } from "../../contract/errors.ts";
import type { Project } from "../../pack/project.ts";
import { type StartScript, startedBy } from "../start/startScript.ts";
import { adonis } from "./adonis.ts";
import { astro } from "./astro.ts";
import { next } from "./next.ts";
import { nitro, nuxt, tanstackStart } from "./nitro.ts";
import { reactRouter, remix } from "./reactRouter.ts";
import { nest, program, strapi, viteWithServer } from "./servers.ts";
import { type Fit, type Shape, ShapeFacts } from "./shape.ts";
import { svelteKit } from "./svelteKit.ts";

export const SHAPES: readonly Shape[] = [
  next,
  svelteKit,
  nuxt,
  astro,
  reactRouter,
  remix,
  tanstackStart,
  nitro,
  nest,
  adonis,
  strapi,
  viteWithServer,
  program,
];

export interface Recognised extends Fit {
  name: string;
}

/** Undefined: a plain project of Node. `said`: what starts it, where it is not its start script. */
export function recogniseShape(project: Project, said?: StartScript): Recognised | undefined {
  const facts = new ShapeFacts(project, said ?? startedBy(project)[0]?.script);
  for (const shape of SHAPES) {
    const fit = shape.recognise(facts);
    if (fit !== undefined) return { ...fit, name: shape.name };
  }
  return undefined;
}

/** @throws TSUGI_SHAPE_UNFIT */
export function refuseUnfit(shape: Recognised | undefined): void {
  if (shape?.unfit === undefined) return;
  const { problem, todo } = shape.unfit;
  throw new TsugiError("TSUGI_SHAPE_UNFIT", { shape: shape.name, problem, todo });
}
