/** How wrangler, the tests and the bundler present a .wasm import. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
