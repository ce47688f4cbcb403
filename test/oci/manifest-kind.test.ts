import { describe, expect, test } from "vitest";
import { EVIDENCE, purposeOf } from "../../src/oci/manifest-kind.ts";
import { OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";

const IMAGE = "application/vnd.oci.image.config.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO = "application/vnd.in-toto+json";
const SLSA = "https://slsa.dev/provenance/v1";
const SPDX = "https://spdx.dev/Document";

interface Given {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly configType?: string;
  readonly annotations?: unknown;
  readonly parts?: readonly { readonly mediaType: string; readonly annotations?: unknown }[];
}

function purpose({ configType = IMAGE, ...given }: Given) {
  const { artifactType = configType, mediaType = OCI_MANIFEST, parts = [] } = given;
  return purposeOf({ ...given, mediaType, artifactType, configType, parts });
}

function layers(...types: readonly string[]) {
  return types.map((mediaType) => ({ mediaType }));
}

function statements(mediaType: string, ...types: readonly string[]) {
  return types.map((type) => ({ mediaType, annotations: { "in-toto.io/predicate-type": type } }));
}

describe("what a manifest is for", () => {
  test.each<[string, Given, string, number]>([
    ["an image", { parts: layers(LAYER) }, "image", 0],
    ["an image without layers", {}, "image", 0],
    [
      "an image that calls itself an SBOM",
      { artifactType: "application/spdx+json", parts: layers(LAYER) },
      "image",
      0,
    ],
    ["an image with a statement among its layers", { parts: layers(LAYER, IN_TOTO) }, "image", 0],
    [
      "an image whose config has a type of old registries",
      { configType: "application/octet-stream", parts: layers(LAYER) },
      "image",
      0,
    ],
    [
      "an artifact whose files have the type of layers",
      { configType: EMPTY, artifactType: "application/vnd.example", parts: layers(LAYER) },
      "other",
      0,
    ],
    ["an index", { mediaType: OCI_INDEX, configType: "", parts: layers(OCI_MANIFEST) }, "index", 0],
    [
      "BuildKit's cache",
      {
        mediaType: OCI_INDEX,
        configType: "",
        parts: layers(LAYER, "application/vnd.buildkit.cacheconfig.v0"),
      },
      "cache",
      0,
    ],
    [
      "its cache as an image",
      { configType: "application/vnd.buildkit.cacheconfig.v0" },
      "cache",
      0,
    ],
    [
      "a chart with its provenance file",
      {
        configType: "application/vnd.cncf.helm.config.v1+json",
        parts: layers("application/vnd.cncf.helm.chart.provenance.v1.prov"),
      },
      "chart",
      0,
    ],
    [
      "a model",
      { artifactType: "application/vnd.cncf.model.manifest.v1+json", configType: EMPTY },
      "model",
      0,
    ],
    [
      "docker's model",
      { configType: "application/vnd.docker.ai.model.config.v0.1+json" },
      "model",
      0,
    ],
    [
      "cosign's signature by tag",
      { parts: layers("application/vnd.dev.cosign.simplesigning.v1+json") },
      "signature",
      EVIDENCE.signed,
    ],
    [
      "cosign's attestation by tag",
      {
        parts: [
          {
            mediaType: "application/vnd.dsse.envelope.v1+json",
            annotations: { predicateType: SLSA },
          },
        ],
      },
      "attestation",
      EVIDENCE.provenance,
    ],
    ["cosign's SBOM by tag", { parts: layers("text/spdx+json") }, "sbom", EVIDENCE.sbom],
    [
      "notation's signature",
      { artifactType: "application/vnd.cncf.notary.signature", configType: EMPTY },
      "signature",
      EVIDENCE.signed,
    ],
    [
      "a bundle that says nothing",
      { artifactType: BUNDLE, configType: EMPTY },
      "signature",
      EVIDENCE.signed,
    ],
    [
      "a bundle with cosign's signature",
      {
        artifactType: BUNDLE,
        configType: EMPTY,
        annotations: { "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1" },
      },
      "signature",
      EVIDENCE.signed,
    ],
    [
      "a bundle with provenance",
      {
        artifactType: BUNDLE,
        configType: EMPTY,
        annotations: { "dev.sigstore.bundle.predicateType": SLSA },
      },
      "attestation",
      EVIDENCE.provenance,
    ],
    [
      "a bundle with a scan",
      {
        artifactType: BUNDLE,
        configType: EMPTY,
        annotations: {
          "dev.sigstore.bundle.predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
        },
      },
      "attestation",
      0,
    ],
    [
      "BuildKit's attestation",
      { parts: statements(IN_TOTO, SPDX, SLSA) },
      "attestation",
      EVIDENCE.sbom | EVIDENCE.provenance,
    ],
    ["an attested SBOM", { parts: statements(IN_TOTO, SPDX) }, "sbom", EVIDENCE.sbom],
    ["an in-toto statement without its type", { parts: layers(IN_TOTO) }, "attestation", 0],
    [
      "an attached SBOM",
      { artifactType: "application/vnd.cyclonedx+json", configType: EMPTY },
      "sbom",
      EVIDENCE.sbom,
    ],
    [
      "an artifact manifest",
      { mediaType: OCI_ARTIFACT, artifactType: "application/spdx+json", configType: "" },
      "sbom",
      EVIDENCE.sbom,
    ],
    [
      "anything else",
      { artifactType: "application/vnd.acme.rules", configType: EMPTY },
      "other",
      0,
    ],
    [
      "annotations of another type",
      { annotations: ["x"], parts: [{ mediaType: IN_TOTO, annotations: 7 }] },
      "attestation",
      0,
    ],
  ])("%s", (_, given, kind, evidence) => {
    expect(purpose(given)).toEqual({ kind, evidence });
  });
});
