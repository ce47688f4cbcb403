/** The comparison, which is loaded when it is asked for. */
export * from "../../shared.ts";
export { ComparePage } from "./compare.tsx";
