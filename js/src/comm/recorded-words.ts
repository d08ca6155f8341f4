/** What a saved page does not have, as the beginning of a sentence. */

import { isFrozen, notFrozen, type PatchRequest } from "../model/patch";

/** "L0.H1 + L1.H2 together were"; a source and a direction are named if it is they that make the difference. */
export function notComputed(
  { patches, direction }: Pick<PatchRequest, "patches" | "direction">,
  otherWay: boolean,
): string {
  const name = patches
    .map((patch) => `${patch.site}${isFrozen(patch) ? " frozen" : ""}`)
    .join(" + ");
  const brought = notFrozen(patches);
  const kinds = new Set(brought.map(({ source = "source" }) => Object(source).kind ?? source));
  const [kind] = kinds;
  const way = otherWay ? ` in ${direction}` : "";
  if (name === "" || kinds.size > 1) return `This patch${way} was`;
  const from = kind === "source" ? "" : ` with source ${kind}`;
  return patches.length > 1 ? `${name} together${from}${way} were` : `${name}${from}${way} was`;
}
