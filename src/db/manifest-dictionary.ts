/**
 * Texts that manifests of common tools have in common, which a deflated manifest refers to instead of repeating them.
 * Stored manifests cannot be read without the dictionary that they were written with: none of these texts may change. A
 * better dictionary gets the next number, and this one stays.
 */

const INDENTED = `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 1234,
         "digest": "sha256:",
         "platform": {
            "architecture": "amd64",
            "os": "linux",
            "variant": "v8"
         }
      },
      {
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "manifests": [
    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "sha256:",
      "size": 566,
      "annotations": {
        "vnd.docker.reference.digest": "sha256:",
        "vnd.docker.reference.type": "attestation-manifest"
      },
      "platform": {
        "architecture": "arm64",
        "os": "linux"
      }
    },
    {
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "sha256:",
    "size": 167
  },
  "layers": [
    {
      "mediaType": "application/vnd.in-toto+json",
      "digest": "sha256:",
      "size": 1234,
      "annotations": {
        "in-toto.io/predicate-type": "https://spdx.dev/Document"
        "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"
        "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"
      }
    }
  ]
}{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": 7023,
      "digest": "sha256:"
   },
   "layers": [
      {
         "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
         "size": 32654,
         "digest": "sha256:"
      },
      {
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "sha256:",
      "size": 32654
    },
    {`;

const COMPACT = [
  `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"application/spdx+json","blobs":[{"mediaType":"application/vnd.cyclonedx+json",`,
  `{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:","size":117},"layers":[{"mediaType":"application/vnd.cncf.helm.chart.provenance.v1.prov",`,
  `{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"sha256:","size":2487}],"annotations":{"org.opencontainers.image.created":"2026-01-01T00:00:00Z","org.opencontainers.image.description":"A Helm chart for Kubernetes",`,
  `"org.opencontainers.image.title":"","org.opencontainers.image.version":"0.1.0","org.opencontainers.image.authors":"","org.opencontainers.image.licenses":"Apache-2.0","org.opencontainers.image.vendor":"","org.opencontainers.image.documentation":"https://",`,
  `"org.opencontainers.image.url":"https://github.com/","org.opencontainers.image.source":"https://github.com/","org.opencontainers.image.revision":"","org.opencontainers.image.ref.name":"","org.opencontainers.image.base.name":"docker.io/library/","org.opencontainers.image.base.digest":"sha256:"}}`,
  `"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":242,"digest":"sha256:","annotations":{"dev.cosignproject.cosign/signature":"MEUCIQD","dev.sigstore.cosign/bundle":"{\\"SignedEntryTimestamp\\":\\"","dev.sigstore.cosign/certificate":"-----BEGIN CERTIFICATE-----\\n","dev.sigstore.cosign/chain":"`,
  `"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",`,
  `"artifactType":"application/vnd.cncf.notary.signature","subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:","size":`,
  `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":7023,"digest":"sha256:"},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":32654,"digest":"sha256:"},`,
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:","size":1234,"platform":{"architecture":"amd64","os":"linux"}},`,
  `"platform":{"architecture":"arm64","os":"linux","variant":"v8"}},"platform":{"architecture":"arm","os":"linux","variant":"v7"}},"platform":{"architecture":"amd64","os":"windows","os.version":"10.0.`,
  `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:","size":566,"annotations":{"vnd.docker.reference.digest":"sha256:","vnd.docker.reference.type":"attestation-manifest"},"platform":{"architecture":"unknown","os":"unknown"}}]}`,
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:","size":1500},"layers":[`,
  `{"mediaType":"application/vnd.in-toto+json","digest":"sha256:","size":1234,"annotations":{"in-toto.io/predicate-type":"https://spdx.dev/Document"}},"annotations":{"in-toto.io/predicate-type":"https://slsa.dev/provenance/v1"}}]}`,
  `{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":"sha256:","size":3000000},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:","size":3000000},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:`,
].join("\n");

/** The dictionaries by their numbers. */
export const DICTIONARIES: ReadonlyMap<number, Uint8Array> = new Map([
  [1, new TextEncoder().encode(INDENTED + COMPACT)],
]);
/** The number of the dictionary that new manifests are written with. */
export const NEWEST = 1;
