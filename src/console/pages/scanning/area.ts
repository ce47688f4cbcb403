/** The pages about the packages of images and their vulnerabilities, which are loaded together. */
export * from "../../shared.ts";
export { PackagesPage } from "./packages.tsx";
export { NamespaceScanningPage, RepositoryScanningPage } from "./policy-pages.tsx";
export { VulnerabilitiesPage } from "./vulnerabilities.tsx";
export { VulnerableImagesPage } from "./vulnerable-images.tsx";
