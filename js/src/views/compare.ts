/** One slim row for each pin: its number, the number of what is shown, and their difference. */

import { html, nothing } from "lit-html";
import { type Pin, pinsOf } from "../state/pins";
import { currentFinding, shownDirection } from "../state/selectors";
import { difference, differenceText, mismatchText, pinNumber } from "../text/compare";
import { patchName } from "../text/names";
import { madeSource, shortSource } from "../text/source";
import type { Context } from "./context";

/** "L23.H3", "L23.H3 (zero)". */
function nameOf(cx: Context, { entry }: Pin): string {
  const made = madeSource(entry.result.patches);
  const name = patchName(entry.result.patches, cx.scene.model);
  return made === undefined ? name : `${name} (${shortSource(made) ?? made.kind})`;
}

/** What stands beside a pin: the difference, or why there is none. */
interface Beside {
  readonly said: string;
  readonly delta: number | undefined;
}

function beside(cx: Context, pin: Pin): Beside {
  const { state, scene } = cx;
  const { entry, metric, mismatches, now, shown } = pin;
  const none = (said: string): Beside => ({ said, delta: undefined });
  if (mismatches.length > 0) {
    const { direction, pair } = entry.result;
    const nPairs = scene.task.n_pairs;
    const of = { direction, shown: shownDirection(state), pair, nPairs, metric };
    return none(`${mismatchText(mismatches, of)}: no difference is shown`);
  }
  if (shown) return none("shown now");
  const found = currentFinding(state, scene);
  if (found === undefined) return none("nothing else is patched now");
  const both = pin.reading?.share != null && now?.share != null;
  const unit = state.unit === "share" && both ? "share" : "effect";
  const delta = difference(pin.reading, now, unit);
  const name = patchName(found.patches, scene.model);
  const end = delta === undefined ? "no difference" : differenceText(delta, unit, metric);
  return { said: `now ${name} ${pinNumber(now, unit, metric)} · ${end}`, delta };
}

function row(cx: Context, pin: Pin) {
  const { entry, metric, reading, mismatches, now } = pin;
  const { number, note, result } = entry;
  const name = nameOf(cx, pin);
  const { said, delta } = beside(cx, pin);
  const hint = note === "" ? "show this patch again" : note;
  return html`<div class="pin-row" role="group" aria-label="pinned patch" data-pin=${number}
      data-site=${result.patches.map(({ site }) => site).join(" + ")} data-metric=${metric.name}
      data-share=${reading?.share ?? Number.NaN} data-effect=${reading?.effect ?? Number.NaN}
      data-now=${(mismatches.length === 0 ? now?.share : undefined) ?? nothing} data-delta=${delta ?? nothing} data-differs=${mismatches.join(" ") || nothing}>
    <button type="button" class="pin-back" title=${hint} @click=${() => cx.act.replay(number)}><span class="mark" aria-hidden="true">◆</span> <span class="mono">${name}</span> <b>${pinNumber(reading, cx.state.unit, metric)}</b></button>
    <span class="pin-said">${said}</span>
    <button type="button" class="unpin" title="take this pin away" aria-label="unpin ${name}" @click=${() => cx.act.unpin(number)}>×</button></div>`;
}

export function compare(cx: Context) {
  const pins = pinsOf(cx.state, cx.scene);
  return pins.length === 0
    ? nothing
    : html`<div class="compare">${pins.map((pin) => row(cx, pin))}</div>`;
}

/** The same for assistive technology, behind the sentence of the finding. */
export function spokenPins(cx: Context): string {
  return pinsOf(cx.state, cx.scene)
    .filter(({ shown }) => !shown)
    .map((pin) => {
      const number = pinNumber(pin.reading, cx.state.unit, pin.metric);
      return ` Pinned: ${nameOf(cx, pin)} ${number}, ${beside(cx, pin).said}.`;
    })
    .join("");
}
