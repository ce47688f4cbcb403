/// <reference types="@cloudflare/vitest-plugin/types" />

import type { D1Migration } from "cloudflare:test";
import type { Env as WorkerEnv } from "../src/settings.ts";
import type * as worker from "../src/worker.ts";

/** The environment of the tests in `cloudflare:workers`: the Worker's own, and what vitest.config.ts adds to it. */
declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof worker;
      durableNamespaces: "UploadSession";
    }

    interface Env extends Readonly<WorkerEnv> {
      readonly ADMIN_PASSWORD: string;
      readonly TOKEN_KEY: string;
      /** The seed of the property test; "" for the usual one. */
      readonly TEST_SEED: string;
      /** "all" for every fault at every call; "" for a sample. */
      readonly TEST_FAULTS: string;
      /** The WebAssembly files, in base64. */
      readonly TEST_WASM: Readonly<Record<"sha256" | "sha512", string>>;
      readonly TEST_MIGRATIONS: D1Migration[];
    }
  }
}
