/** What axe finds wrong with an element, one line each. */

import axe from "axe-core";

/** Colours and landmarks are those of the page around it. */
const RULES = { "color-contrast": { enabled: false }, region: { enabled: false } };

export async function violations(el: HTMLElement): Promise<readonly string[]> {
  const found = await axe.run(el, { rules: RULES });
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}
