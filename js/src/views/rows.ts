/** A list of rows that Tab reaches once, and in which the arrow keys move the focus. */

const STEPS: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function walkRows(event: KeyboardEvent): void {
  const step = STEPS[event.key];
  const list = event.currentTarget;
  const row = event.target instanceof Element ? event.target.closest("button") : null;
  if (step === undefined || row === null || !(list instanceof Element)) return;
  event.preventDefault();
  event.stopPropagation();
  const rows = [...list.querySelectorAll("button")];
  const at = Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + step));
  for (const other of rows) other.tabIndex = -1;
  const next = rows[at];
  if (next === undefined) return;
  next.tabIndex = 0;
  next.focus();
}
