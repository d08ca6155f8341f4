/** Prompts that are being written, in words. */

import type { Tokenised } from "../model/edit";

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** "14 and 14 tokens, 1 differs." or, of unequal counts, what is matched. */
export function countSentence({ clean, corrupted, counterparts, differs }: Tokenised): string {
  const counts = `${clean.length} and ${corrupted.length} tokens`;
  if (clean.length === corrupted.length)
    return `${counts}; ${counted(differs.length, "differs", "differ")}.`;
  const matched = counterparts.filter((at) => at !== null).length;
  const alone = clean.length + corrupted.length - 2 * matched;
  return `${counts}; ${matched} matched, ${alone} without a counterpart.`;
}
