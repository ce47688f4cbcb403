/// <reference types="@cloudflare/vitest-plugin/types" />

import type { D1Migration } from "cloudflare:test";
import type { Env as WorkerEnv } from "../src/settings.ts";
import type * as worker from "../src/worker.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** How much is tried of what is too much for every run. */
    readonly sample: "few" | "many" | "all";
    readonly sampleSeed: number;
  }
}

/** What the tests find in `cloudflare:workers`: the Worker's own environment, and what vitest.config.ts adds to it. */
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
      /** The WebAssembly files, in base64. */
      readonly TEST_WASM: Readonly<Record<"sha256" | "sha512", string>>;
      readonly TEST_MIGRATIONS: D1Migration[];
    }
  }
}
