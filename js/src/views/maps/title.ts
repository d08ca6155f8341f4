/** The title of a map: of what, which field, patched where. What can be chosen is a menu. */

import { html, nothing } from "lit-html";
import { refusalReason } from "../../model/experiment";
import { type MapName, OF_HEADS } from "../../model/map";
import { range } from "../../model/math";
import { receiversAt } from "../../model/path";
import { MAP_COMPONENTS } from "../../state/maps";
import { partInMenu, partOf } from "../../text/paths";
import { scopeText } from "../../text/scope";
import type { Context } from "../context";

interface Choice {
  readonly value: string;
  readonly label: string;
}

function menu(
  label: string,
  chosen: string,
  choices: readonly Choice[],
  change: (value: string) => void,
) {
  const changed = (event: Event) => {
    if (event.target instanceof HTMLSelectElement) change(event.target.value);
  };
  return html`<select class="mapped" aria-label=${label} title=${label} @change=${changed}>${choices.map(
    ({ value, label: text }) =>
      html`<option value=${value} ?selected=${value === chosen} .selected=${value === chosen}>${text}</option>`,
  )}</select>`;
}

/** What the cells of maps can say: the receivers are those of the cell that has the focus, and the chosen one. */
function fields(cx: Context): readonly Choice[] {
  const { focus, field } = cx.state;
  const own = focus === undefined ? [] : receiversAt(focus, cx.scene.model);
  const fixed = [
    { value: "total", label: "total effect" },
    { value: "direct", label: "direct effect" },
    { value: "estimate", label: "estimate" },
  ];
  const known = [...fixed.map(({ value }) => value), ...own].includes(field);
  const receivers = [...(known ? [] : [field]), ...own];
  const into = (value: string) => ({ value, label: `into ${partInMenu(value)}` });
  return [...fixed.slice(0, 2), ...receivers.map(into), ...fixed.slice(2)];
}

export function fieldMenu(cx: Context) {
  return menu("what the cells say", cx.state.field, fields(cx), (value) => cx.act.field(value));
}

function isKnown(cx: Context, component: string): boolean {
  const { model } = cx.scene;
  const listed = model.components.length === 0 || model.components.includes(component);
  return listed && refusalReason(cx.scene, component) === undefined;
}

const HEAD_LABELS: Readonly<Record<string, string>> = {
  z: "Heads",
  q: "Queries",
  k: "Keys",
  v: "Values",
};

function headMenu(cx: Context) {
  const known = OF_HEADS.filter((name) => name === "z" || isKnown(cx, name));
  const choices = known.map((value) => ({ value, label: HEAD_LABELS[value] ?? value }));
  return menu("component of heads", cx.state.headComponent, choices, (value) =>
    cx.act.headComponent(value),
  );
}

function componentMenu(cx: Context) {
  const usual = (name: string) => ["resid_pre", "attn_out", "mlp_out"].includes(name);
  const known = MAP_COMPONENTS.filter((name) =>
    usual(name) ? refusalReason(cx.scene, name) === undefined : isKnown(cx, name),
  );
  const label = (name: string) => (OF_HEADS.includes(name) ? `heads' ${name}` : name);
  const choices = known.map((value) => ({ value, label: label(value) }));
  return menu("component of the map", cx.state.mapComponent, choices, (value) =>
    cx.act.mapComponent(value),
  );
}

/** The layer whose heads are rows. */
function layerMenu(cx: Context) {
  if (!OF_HEADS.includes(cx.state.mapComponent)) return nothing;
  const choices = range(cx.scene.model.n_layers).map((layer) => ({
    value: String(layer),
    label: `L${layer}`,
  }));
  return menu("layer of the map", String(cx.state.mapLayer), choices, (value) =>
    cx.act.mapLayer(Number(value)),
  );
}

/** Where a cell patches. */
function scope(cx: Context, name: MapName) {
  const where = `at ${name === "heads" ? scopeText(cx.state, cx.scene) : "one position"}`;
  return html`<span class="scope" title="each cell alone, patched ${where}">${where}</span>`;
}

export function mapTitle(cx: Context, name: MapName) {
  const of = name === "heads" ? headMenu(cx) : html`${componentMenu(cx)}${layerMenu(cx)}`;
  return html`<h3 class="map-title" data-field=${cx.state.field} data-of=${name}>${of}${fieldMenu(cx)}</h3>${scope(cx, name)}`;
}

/** "into L23.H3.q": for the read-out. */
export function fieldText(field: string): string {
  if (field === "total" || field === "estimate") return "";
  return field === "direct" ? "direct: " : `into ${partOf(field)}: `;
}
