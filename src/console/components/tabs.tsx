import { useLocation } from "preact-iso/router";

/** Links to the pages of one thing, of which one is shown. */
export function Tabs({
  label,
  items,
}: {
  label: string;
  items: readonly (readonly [href: string, text: string])[];
}) {
  const { path } = useLocation();
  return (
    <nav class="tabs" aria-label={label}>
      {items.map(([href, text]) => (
        <a key={href} href={href} {...(path === href ? { "aria-current": "page" as const } : {})}>
          {text}
        </a>
      ))}
    </nav>
  );
}
