import { layersOf } from "../attached/unwrap.ts";
import { UnreadableFile } from "../layer/list.ts";
import type { Sbom } from "./gather.ts";
import { readCycloneDx } from "./read-cyclonedx.ts";
import { readSpdx } from "./read-spdx.ts";

/**
 * Reads an SBOM that is attached to an image: CycloneDX 1.3 to 1.7 or SPDX 2.2 or 2.3 in JSON, bare or in an in-toto statement,
 * a DSSE envelope or a Sigstore bundle. It is a claim by who attached it: neither signatures nor the statement's subject are
 * checked. How long it may be is the caller's to say.
 * @throws UnreadableFile with the reason
 */
export function readSbom(text: string): Sbom {
  const layers = layersOf(text);
  for (const { json } of layers) {
    const sbom = readCycloneDx(json) ?? readSpdx(json);
    if (sbom !== null) return sbom;
  }
  const predicateType = layers.at(-1)?.predicateType ?? "";
  if (predicateType !== "") {
    throw new UnreadableFile(
      `it is a statement of the type ${predicateType.slice(0, 200)}, and not of CycloneDX or SPDX in JSON`,
    );
  }
  throw new UnreadableFile("it is neither CycloneDX nor SPDX in JSON");
}
