/** How the console says that two images differ. */
import { expect, test } from "vitest";
import type { ImageConfig, Layer, ManifestDetails } from "../../src/api/schema/contents.ts";
import { bytesOf, layersOf, settingsOf } from "../../src/console/pages/compare/difference.ts";

function details(digests: readonly (string | null)[]): ManifestDetails {
  const layers = digests.map((digest): Layer => ({
    digest,
    mediaType: null,
    size: digest === null ? null : digest.length,
    command: null,
    createdAt: null,
    comment: null,
    annotations: {},
    sharedBy: null,
  }));
  return { layers } as unknown as ManifestDetails;
}

const IMAGE: ImageConfig = {
  os: "linux",
  architecture: "amd64",
  variant: null,
  createdAt: null,
  author: null,
  entrypoint: ["/bin/app"],
  cmd: [],
  env: ["PATH=/bin", "MODE=a=b", "EMPTY="],
  workingDir: null,
  user: "",
  ports: ["80/tcp", "443/tcp"],
  volumes: [],
  labels: { team: "web" },
  stopSignal: null,
};

test("layers are new, gone or in both; a layer that is there twice takes its space once", () => {
  const found = layersOf(details(["base", null, "old"]), details(["base", "new!!", "new!!"]));
  expect(found.map(({ mark, layer }) => [mark, layer.digest])).toEqual([
    ["same", "base"],
    ["added", "new!!"],
    ["added", "new!!"],
    ["removed", "old"],
  ]);
  expect(bytesOf(found, "same")).toBe(4);
  expect(bytesOf(found, "added")).toBe(5);
  expect(bytesOf(found, "removed")).toBe(3);
});

test("settings that differ are named as a Dockerfile names them; the order of ports is none", () => {
  const other: ImageConfig = {
    ...IMAGE,
    cmd: ["serve"],
    env: ["PATH=/usr/bin", "MODE=a=b"],
    ports: ["443/tcp", "80/tcp"],
    labels: { team: "web", empty: "" },
  };
  expect(settingsOf(IMAGE, other)).toEqual([
    { name: "ENV PATH", from: "/bin", to: "/usr/bin" },
    { name: "ENV EMPTY", from: "", to: null },
    { name: "CMD", from: null, to: '["serve"]' },
    { name: "LABEL empty", from: null, to: "" },
  ]);
  expect(settingsOf(IMAGE, IMAGE)).toEqual([]);
  expect(settingsOf(null, null)).toEqual([]);
});
