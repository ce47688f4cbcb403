import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { Me } from "../../api/schema/accounts.ts";
import { matches } from "../../oci/glob.ts";
import { ApiError, call, NOT_SIGNED_IN } from "../api/client.ts";

/** Who uses the console; `me` is null for a visitor, undefined until it is known. */
export interface Session {
  readonly me: Me | null | undefined;
  /** How many sessions have ended: a page begins anew then, and shows nothing that was for the one before. */
  readonly count: number;
  /** @throws ApiError for a wrong name or password */
  readonly signIn: (name: string, password: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("there is no session around");
  return session;
}

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const [{ me, count }, setState] = useState<State>({ me: undefined, count: 0 });
  const read = useCallback(async () => {
    try {
      const found = await call<Me>("/me");
      setState((before) => {
        const isOther = before.me ? before.me.name !== found.name : false;
        return { me: found, count: before.count + (isOther ? 1 : 0) };
      });
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
      const isEnded = error instanceof ApiError && error.status === 401;
      // Without an answer the pages show what is public, or what they showed, and their own errors.
      setState((before) => (isEnded || before.me === undefined ? ended(before) : before));
    }
  }, []);
  useEffect(() => {
    // The page tells whether there is a cookie, which scripts cannot see.
    const tag = document.querySelector<HTMLMetaElement>('meta[name="slipway-session"]');
    if (tag?.content === "yes") void read();
    else setState({ me: null, count: 0 });
  }, [read]);
  useEffect(() => {
    // The request may have been sent before a sign-in in another tab. The answer to this one drops the cookie if it is over.
    const look = () => void read();
    addEventListener(NOT_SIGNED_IN, look);
    return () => removeEventListener(NOT_SIGNED_IN, look);
  }, [read]);
  const tell = useOtherTabs(
    useCallback((isSignedIn) => (isSignedIn ? void read() : setState(ended)), [read]),
  );
  const session = useMemo<Session>(
    () => ({
      me,
      count,
      async signIn(name, password) {
        await call("/sessions", { method: "POST", body: { name, password } });
        await read();
        tell(true);
      },
      async signOut() {
        try {
          await call("/sessions/current", { method: "DELETE" });
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 401) throw error;
        }
        setState(ended);
        tell(false);
      },
    }),
    [me, count, read, tell],
  );
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

type State = Pick<Session, "me" | "count">;

function ended(before: State): State {
  return before.me === null ? before : { me: null, count: before.count + 1 };
}

/**
 * Hears of sign-ins and sign-outs in other tabs, which have the same cookie.
 * @returns what tells them of those in this one
 */
function useOtherTabs(onChange: (isSignedIn: boolean) => void): (isSignedIn: boolean) => void {
  const channel = useMemo(() => new BroadcastChannel("slipway-session"), []);
  useEffect(() => {
    const hear = ({ data }: MessageEvent) => onChange(data === true);
    channel.addEventListener("message", hear);
    return () => channel.removeEventListener("message", hear);
  }, [channel, onChange]);
  // A channel is of one origin, and has no target.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  return useCallback((isSignedIn) => channel.postMessage(isSignedIn), [channel]);
}

type Role = Me["roles"][number]["role"];
const ORDER: readonly Role[] = ["reader", "writer", "maintainer", "owner"];

/**
 * Returns whether the caller has at least this role on a repository, or on a namespace, which is "acme/": pages offer
 * what the caller may do. The API decides.
 */
export function hasRole(me: Me | null | undefined, role: Role, on: string): boolean {
  if (!me) return false;
  if (me.admin) return true;
  // A repository of one component is in the namespace of its own name, as in auth/policy/access.ts.
  const target = on.includes("/") ? on : `${on}/`;
  return me.roles.some(
    (given) =>
      ORDER.indexOf(given.role) >= ORDER.indexOf(role) &&
      (given.repositories === on || matches(given.repositories, target)),
  );
}
