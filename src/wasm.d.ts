/** The type of a .wasm import, as wrangler, the tests and the bundler provide it. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
