/** The pages of one's own account, which are loaded together. */
export * from "../../shared.ts";
export { AccountPage } from "./account.tsx";
export { SessionsPage } from "./sessions.tsx";
export { TokensPage } from "./tokens.tsx";
