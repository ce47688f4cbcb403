import { useLocation } from "preact-iso/router";

/** Leads on to another page when something is done, but only who is still on the page where it began. */
export function useLead(): (from: string, to: string) => void {
  const { route } = useLocation();
  return (from, to) => {
    if (location.pathname === from) route(to);
  };
}
