import * as v from "valibot";
import { UnreadableFile } from "../layer/list.ts";
import type { Sbom } from "./gather.ts";
import { readCycloneDx } from "./read-cyclonedx.ts";
import { readSpdx } from "./read-spdx.ts";

/** A Sigstore bundle holds an envelope, that a statement, that what cosign wraps around the document. */
const MAX_WRAPPERS = 4;

const Bundle = v.object({ dsseEnvelope: v.unknown() });

/** DSSE 1.0: the signatures are not checked here. Whose word an SBOM is, is not known by reading it. */
const Envelope = v.object({ payloadType: v.string(), payload: v.string() });

/** in-toto Attestation Framework, 0.1 and 1. */
const Statement = v.object({
  _type: v.pipe(v.string(), v.startsWith("https://in-toto.io/Statement/")),
  predicateType: v.string(),
  predicate: v.unknown(),
});

/** What cosign once made of predicates. */
const Wrapped = v.object({ Data: v.union([v.string(), v.looseObject({})]) });

/**
 * Reads an SBOM that is attached to an image: CycloneDX 1.3 to 1.7 or SPDX 2.2 or 2.3 in JSON, bare or in an in-toto statement,
 * a DSSE envelope or a Sigstore bundle. It is a claim by who attached it: neither signatures nor the statement's subject are
 * checked. How long it may be is the caller's to say.
 * @throws UnreadableFile with the reason
 */
export function readSbom(text: string): Sbom {
  let json = parse(text);
  let predicateType = "";
  for (let i = 0; i <= MAX_WRAPPERS; i++) {
    const sbom = readCycloneDx(json) ?? readSpdx(json);
    if (sbom !== null) return sbom;
    const statement = v.safeParse(Statement, json);
    if (statement.success) ({ predicateType } = statement.output);
    const inner = unwrap(json);
    if (inner === undefined) break;
    json = inner;
  }
  if (predicateType !== "") {
    throw new UnreadableFile(
      `it is a statement of the type ${predicateType.slice(0, 200)}, and not of CycloneDX or SPDX in JSON`,
    );
  }
  throw new UnreadableFile("it is neither CycloneDX nor SPDX in JSON");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UnreadableFile("it is no JSON");
  }
}

/** Returns what is one layer further in; undefined where nothing is. */
function unwrap(json: unknown): unknown {
  const bundle = v.safeParse(Bundle, json);
  if (bundle.success) return bundle.output.dsseEnvelope;
  const envelope = v.safeParse(Envelope, json);
  if (envelope.success) return parse(decode(envelope.output.payload));
  const statement = v.safeParse(Statement, json);
  if (statement.success) return statement.output.predicate;
  const wrapped = v.safeParse(Wrapped, json);
  if (!wrapped.success) return undefined;
  const { Data } = wrapped.output;
  return typeof Data === "string" ? parse(Data) : Data;
}

/** DSSE allows both alphabets of base64. */
function decode(base64: string): string {
  try {
    const binary = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return new TextDecoder().decode(bytes);
  } catch {
    throw new UnreadableFile("the payload of its DSSE envelope is not base64");
  }
}
