/** The title line of a map: what it shows, and where each of its cells patches. */

import { html } from "lit-html";
import { refusalReason } from "../../model/experiment";
import type { MapName } from "../../model/map";
import { MAP_COMPONENTS } from "../../state/maps";
import { scopeText } from "../../text/scope";
import type { Context } from "../context";

function componentSelect(cx: Context) {
  const { scene, state } = cx;
  const known = MAP_COMPONENTS.filter((name) => refusalReason(scene, name) === undefined);
  const change = (event: Event) => {
    if (event.target instanceof HTMLSelectElement) cx.act.mapComponent(event.target.value);
  };
  return html`<select class="mapped" aria-label="component of the map" @change=${change}>${known.map(
    (name) => html`<option value=${name} ?selected=${name === state.mapComponent}>${name}</option>`,
  )}</select>`;
}

export function mapTitle(cx: Context, name: MapName) {
  const heads = name === "heads";
  const where = heads ? scopeText(cx.state, cx.scene) : "one position";
  return html`${heads ? html`<h3>Heads</h3>` : componentSelect(cx)} <span class="scope">patched at ${where}</span>`;
}
