import { none, one, page, set } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { PAGE, paged, withNext } from "../api/query.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { NewSigner, Signatures, Signer } from "./schema.ts";
import type { StoredSigner } from "./signer-store.ts";
import { parseTrust, type TrustEntry, TrustError } from "./trust.ts";

const list = endpoint(
  "GET /namespaces/:namespace/signers",
  {
    id: "listSigners",
    summary: "List whose signatures of images a namespace trusts",
    access: "own",
    query: PAGE,
    answer: page(Signer),
    refuses: ["NOT_FOUND"],
  },
  async ({ query, params, registry }) => {
    const found = await registry.signers.list(params.namespace, withNext(query));
    return paged(query, found.map(signerJson), ({ name }) => name);
  },
);

const write = endpoint(
  "PUT /namespaces/:namespace/signers/:signer",
  {
    id: "setSigner",
    summary: "Trust a key, an identity or certificates",
    access: "own",
    body: NewSigner,
    answer: set(Signer),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, params: { namespace, signer: name }, initiator, registry }) => {
    const { signer, isNew } = await registry.signers.set(namespace, entryOf(name, body), initiator);
    return { value: signerJson(signer), isNew };
  },
);

const remove = endpoint(
  "DELETE /namespaces/:namespace/signers/:signer",
  {
    id: "removeSigner",
    summary: "Trust somebody's signatures no longer",
    access: "own",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  ({ params, initiator, registry }) =>
    registry.signers.remove(params.namespace, params.signer, initiator),
);

const signatures = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/signatures",
  {
    id: "listSignatures",
    summary: "List the signatures of an image, each with whether it is one of a trusted signer",
    access: "pull",
    answer: one(Signatures),
    refuses: ["MANIFEST_UNKNOWN"],
  },
  async ({ params: { name, digest }, registry }) => {
    const { signatures: found, problems } = await registry.signatures.of(name, digest);
    const items = found.map(({ signedAtMs, ...signature }) => ({
      ...signature,
      signedAt: signedAtMs === null ? null : timestamp(signedAtMs),
    }));
    return { items, problems };
  },
);

export const SIGNATURES: readonly Endpoint[] = [list, write, remove, signatures];

/** @throws FIELD_INVALID for a field that its kind lacks, or that cannot be used */
function entryOf(name: string, body: NewSigner): TrustEntry {
  const entry = withFields(name, body);
  try {
    parseTrust([entry]);
    return entry;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw invalid(FIELDS[body.kind], error.message);
  }
}

const FIELDS = { key: "publicKey", keyless: "identity", notation: "certificates" } as const;

function withFields(name: string, body: NewSigner): TrustEntry {
  const { kind, publicKey, issuer, identity, certificates, identities } = body;
  if (kind === "key") return { kind, name, publicKeyPem: required("publicKey", publicKey) };
  if (kind === "notation") return { kind, name, certificatesPem: certificates, identities };
  return {
    kind,
    name,
    issuer: required("issuer", issuer),
    identity: required("identity", identity),
  };
}

function required(field: string, value: string | null): string {
  if (value !== null) return value;
  throw invalid(field, "is needed for a signer of this kind");
}

function signerJson({ entry, createdAt }: StoredSigner) {
  const { name, kind } = entry;
  return {
    name,
    kind,
    publicKey: kind === "key" ? entry.publicKeyPem : null,
    issuer: kind === "keyless" ? entry.issuer : null,
    identity: kind === "keyless" ? entry.identity : null,
    certificates: kind === "notation" ? [...entry.certificatesPem] : [],
    identities: kind === "notation" ? [...entry.identities] : [],
    createdAt: timestamp(createdAt),
  };
}
