/** Where layers do not fit: all of them in one strip; which are shown, which are patched, where the stream moved. */

import { html, nothing, svg } from "lit-html";
import { range } from "../../model/math";
import { streamMovement } from "../../model/reach";
import type { Context } from "../context";
import { patchedLayers } from "./row-names";

export function overview(cx: Context) {
  const { layout, state } = cx;
  if (layout.count >= layout.layers) return nothing;
  const w = (layout.count * layout.pitch) / layout.layers;
  const patched = patchedLayers(cx);
  const pick = (event: MouseEvent) => {
    const x = event.offsetX - layout.left;
    cx.act.scrollLayers(Math.round(x / w - layout.count / 2));
  };
  const last = layout.first + layout.count - 1;
  return html`<svg class="overview" role="img" aria-label="Layers ${layout.first} to ${last} of ${layout.layers} are shown"
      width=${layout.inner} height="18" @click=${pick}>
    ${range(layout.layers).map((layer) => {
      const moved = streamMovement(state.result?.reach, layer);
      const along = moved !== undefined && moved.along > 0 ? Math.min(1, moved.along) : 0;
      const x = layout.left + layer * w;
      return svg`<rect class="layer ${patched.has(layer) ? "patched" : ""}" x=${x} y="4" width=${Math.max(1, w - 1)} height="9"/>
        ${along >= 0.05 ? svg`<rect class="reach" x=${x} y=${13 - 9 * along} width=${Math.max(1, w - 1)} height=${9 * along}/>` : nothing}`;
    })}
    <rect class="window" x=${layout.left + layout.first * w - 1.5} y="1.5" width=${layout.count * w + 2} height="14" rx="3"/>
    <text x=${layout.left - 10} y="12" text-anchor="end">${layout.sides ? `${layout.layers} layers` : ""}</text>
  </svg>`;
}
