/** Any file, as its text. */
declare module "*?raw" {
  const text: string;
  export default text;
}

interface ImportMeta {
  /** Vite's: every file that the pattern names, as its text. */
  glob<T>(
    pattern: string,
    options: { readonly query: "?raw"; readonly import: "default"; readonly eager: true },
  ): Record<string, T>;
  /** The same, as modules. */
  glob<T>(patterns: readonly string[], options: { readonly eager: true }): Record<string, T>;
}
