/** Tables as CSV (RFC 4180), which a spreadsheet opens without taking any word for a formula. */

export type CsvValue = string | number | undefined;

/** A spreadsheet computes what begins like this; an apostrophe makes it text. */
const FORMULA = /^\s*[=+\-@]|^[\t\r]/;

function field(value: CsvValue): string {
  if (value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvText(
  columns: readonly string[],
  rows: readonly (readonly CsvValue[])[],
): string {
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
