/** Which head stands out in the map of heads; a page with questions about it does not say. */

import type { Scene } from "../model/experiment";
import { headsShape, isComplete, type MapData } from "../model/map";
import { printSite } from "../model/site";
import { scopeOf } from "./map-requests";
import { knownMap } from "./maps";
import { selectedPatches } from "./selectors";
import type { State } from "./state";

/** A map of less than this has nothing that stands out. */
const LEAST_SHARE = 0.02;

/** The head that alone moves the metric furthest towards the source, where a click patches; undefined until all of them
 * are known. */
export function strongestHead(state: State, scene: Scene): string | undefined {
  if (state.quiz) return undefined;
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
  return siteOf(data, best, position);
}

/** The head with the largest effect, either way, that is not selected; undefined while the map is not whole. */
export function strongestNext(state: State, scene: Scene): string | undefined {
  if (state.quiz) return undefined;
  const position = scopeOf(state, scene);
  const data = knownMap(state, headsShape("z", position), "total");
  if (data === undefined || !isComplete(data)) return undefined;
  const selected = new Set(selectedPatches(state).map(({ site }) => site));
  const sites = Array.from(data.effect, (effect, i) => ({
    site: siteOf(data, i, position),
    size: Math.abs(effect),
  }));
  const left = sites.filter(({ site, size }) => size > 0 && !selected.has(site));
  return left.sort((a, b) => b.size - a.size)[0]?.site;
}

function siteOf(data: MapData, index: number, position: string | undefined): string {
  const layer = Math.floor(index / data.columns);
  return printSite({ layer, unit: `H${index % data.columns}`, component: "z", position });
}
