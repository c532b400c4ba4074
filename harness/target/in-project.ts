import { z } from "zod";
import { parseTarget } from "./load-target.ts";
import type { Target } from "./target.ts";

const documentSchema = z.looseObject({ containers: z.looseObject({}).optional() });

/**
 * A target whose containers are in another project of Compose than it says; its document says so too, so that whoever reads
 * that later finds them.
 * @throws {SQUALL_INVALID_DOCUMENT} when that is no name of a project
 */
export function inProject(target: Target, project: string): Target {
  const document = documentSchema.parse(target.document);
  return parseTarget({ ...document, containers: { ...document.containers, project } }, target.file);
}
