/** The search, and what it found. */
const STOPS = ".search input, .repositories .row-name";
const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };

/** The arrow keys lead from the search to what it found while one types, along that, and back. */
export function moveAmongFound(event: KeyboardEvent): void {
  const step = STEPS[event.key];
  if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  const stops = [...document.querySelectorAll<HTMLElement>(STOPS)];
  const at = stops.indexOf(event.target as HTMLElement);
  const to = at === -1 ? undefined : stops[at + step];
  if (to === undefined) return;
  event.preventDefault();
  to.focus();
}
