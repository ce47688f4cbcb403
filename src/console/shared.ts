/**
 * What the first pages use and areas do too. Each area imports all of it: esbuild makes a file for each set of entries that a module
 * is in, so otherwise a first visit asks for ten files of some hundred bytes.
 */
export * from "../oci/link.ts";
export * from "./components/dialog.tsx";
export * from "./components/draft.tsx";
export * from "./components/lead.ts";
export * from "./components/list.tsx";
export * from "./components/pause.ts";
export * from "./components/severity.tsx";
export * from "./components/tag-rules.tsx";
export * from "./pages/repository/filter.tsx";
export * from "./pages/repository/frame.tsx";
export * from "./pages/repository/layers.tsx";
export * from "./pages/repository/manifest-tabs.tsx";
export * from "./pages/repository/parts.tsx";
