/** An image as large as those of real programs: what this project itself has installed. */
import { join } from "node:path";
import { type Image, writeImage } from "../image.ts";

const ROOT = join(import.meta.dirname, "../../..");

export async function largeImages(
  _work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  const plan = { tree: ROOT, part: "node_modules" };
  return [await writeImage(layout("node-modules"), "node-modules", [plan])];
}
