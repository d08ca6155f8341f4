/** Files that leave the page. */

/** What only Python can write. */
export type WrittenFormat = "mermaid" | "page";

export const WRITTEN: readonly WrittenFormat[] = ["mermaid", "page"];

export type FileFormat = WrittenFormat | "svg" | "png" | "csv";

/** Downloaded, or put into the clipboard where the host allows no downloads. */
export type Delivery = "save" | "copy";

export interface TextFile {
  readonly name: string;
  readonly mediaType: string;
  readonly text: string;
}

const LONGEST_NAME = 100;

/** A name that every file system takes: letters, digits and a few signs; others become one underscore. */
export function safeName(name: string): string {
  const safe = name
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}._+@-]+/gu, "_")
    .replace(/^[._-]+|[._]+$/g, "");
  const end = /\.[a-z]{2,5}$/.exec(safe)?.[0] ?? "";
  const stem = safe.slice(0, safe.length - end.length).slice(0, LONGEST_NAME - end.length);
  return `${stem === "" ? "patchwidgets" : stem}${end}`;
}
