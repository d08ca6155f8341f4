/** The layer axis under the lanes; where layers do not fit, also the strip of all layers. */

import { html, nothing, svg } from "lit-html";
import { axisStep, layerLeft } from "../../layout/page";
import { nearestCell } from "../../model/cell";
import { range } from "../../model/math";
import { streamMovement } from "../../model/reach";
import { selectedPatches } from "../../state/selectors";
import type { Context } from "../context";

function patchedLayers(cx: Context): ReadonlySet<number> {
  const layers = selectedPatches(cx.state).map((patch) => nearestCell(patch.site)?.layer);
  return new Set(layers.filter((layer) => layer !== undefined));
}

function hasLabel(layer: number, step: number, patched: ReadonlySet<number>): boolean {
  if (patched.has(layer)) return true;
  const near = [...patched].some((s) => Math.abs(s - layer) * 1.01 < step * 0.75);
  return layer % step === 0 && !near;
}

export function axis(cx: Context) {
  const { layout, state } = cx;
  const step = axisStep(layout.pitch);
  const patched = patchedLayers(cx);
  const hovered = state.hover === undefined ? undefined : nearestCell(state.hover)?.layer;
  const layers = range(layout.count, layout.first);
  const labels = layers.filter((layer) => hasLabel(layer, step, patched) || layer === hovered);
  return html`<svg class="axis" aria-hidden="true" width=${layout.inner} height="16">
    <text class="axis-name" x=${layout.wide ? layout.left - 10 : 0} y="12" text-anchor=${layout.wide ? "end" : "start"}>${layout.wide ? "layer" : ""}</text>
    ${labels.map((layer) => {
      const x = layout.left + layerLeft(layout, layer) + layout.headLeft + layout.headWidth / 2;
      const kind = patched.has(layer) ? "patched" : layer === hovered ? "hovered" : "";
      return svg`<text class=${kind} x=${x} y="12" text-anchor="middle">${layer}</text>`;
    })}
  </svg>`;
}

/** All layers in one strip: which are shown, which are patched, where the residual stream moved. */
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
    <text x=${layout.left - 10} y="12" text-anchor="end">${layout.wide ? `${layout.layers} layers` : ""}</text>
  </svg>`;
}
