import * as v from "valibot";
import { UnreadableFile } from "../layer/list.ts";

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

/** A document, and what is one layer further in, down to four. */
export interface Layer {
  readonly json: unknown;
  /** The type of the innermost in-toto statement around it; "" for none. */
  readonly predicateType: string;
}

/**
 * Returns the layers of a document that is attached to an image, the outermost first: a Sigstore bundle, a DSSE envelope, an in-toto
 * statement, its predicate. Whose word it is, is not known by reading it: signatures are not checked here.
 * @throws UnreadableFile with the reason
 */
export function layersOf(text: string): readonly Layer[] {
  const layers: Layer[] = [{ json: parse(text), predicateType: "" }];
  for (let i = 0; i < MAX_WRAPPERS; i++) {
    const { json, predicateType } = layers.at(-1) ?? { json: undefined, predicateType: "" };
    const inner = unwrap(json);
    if (inner === undefined) break;
    const statement = v.safeParse(Statement, json);
    layers.push({
      json: inner,
      predicateType: statement.success ? statement.output.predicateType : predicateType,
    });
  }
  return layers;
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
