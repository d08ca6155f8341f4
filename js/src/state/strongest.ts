/** Which head stands out in the map of heads. */

import type { Scene } from "../model/experiment";
import { headsShape, isComplete } from "../model/map";
import { printSite } from "../model/site";
import { knownMap, scopeOf } from "./maps";
import type { State } from "./state";

/** A map of less than this has nothing that stands out. */
const LEAST_SHARE = 0.02;

/** The head that alone moves the metric furthest towards the source, where a click patches; undefined until all of them
 * are known. */
export function strongestHead(state: State, scene: Scene): string | undefined {
  const position = scopeOf(state, scene);
  const data = knownMap(state, headsShape("z", position), "total");
  if (data === undefined || !isComplete(data)) return undefined;
  let best = -1;
  let most = LEAST_SHARE;
  for (let i = 0; i < data.share.length; i++) {
    const share = data.share[i] ?? Number.NaN;
    if (share > most) [best, most] = [i, share];
  }
  if (best < 0) return undefined;
  const unit = `H${best % data.columns}`;
  return printSite({ layer: Math.floor(best / data.columns), unit, component: "z", position });
}
