/** One explorer on an empty page, and the hands of a person: for tests of the page as a whole. */

import { afterEach, beforeEach, vi } from "vitest";
import widget from "../../src/index";
import { serve, type World } from "../fixtures/kernel";
import { FakeModel, type Message } from "../fixtures/model";
import { sweeping } from "../fixtures/worlds";

/** Mounts nothing yet: a test first gives `model` its kernel, and then calls `show`. */
class Explorer {
  model = new FakeModel();
  /** What anywidget gives the view. */
  place = document.createElement("main");
  width = 1300;
  dispose = (): void => {};

  reset(): void {
    this.model = new FakeModel();
    this.place = document.createElement("main");
    this.width = 1300;
    this.dispose = () => {};
    document.body.replaceChildren(this.place);
  }

  /** The view that was shown last; it stands in a shadow root. */
  get el(): HTMLElement {
    const root =
      this.place.lastElementChild?.shadowRoot?.querySelector<HTMLElement>(".patchwidgets");
    return root ?? this.place;
  }

  get focused(): Element | null {
    return document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
  }

  show(): void {
    this.dispose = widget.render({ model: this.model, el: this.place });
  }

  /** Shows a world whose kernel fills this part of every map, and waits until the page is idle. */
  showMaps(world: World, fill = 1): void {
    serve(this.model, sweeping(world), 0, { fill });
    this.show();
    vi.advanceTimersByTime(600);
  }

  /** Opens the saved notebook again, without a kernel. */
  reopen(): void {
    const saved = JSON.parse(JSON.stringify(this.model.get("snapshot")));
    this.dispose();
    this.model = new FakeModel();
    this.model.set("snapshot", saved);
    this.show();
  }

  all(selector: string): readonly HTMLElement[] {
    return [...this.el.querySelectorAll<HTMLElement>(selector)];
  }

  get<E extends Element = HTMLElement>(selector: string): E {
    const found = this.el.querySelector<E>(selector);
    if (found === null) throw new Error(`nothing matches ${selector}`);
    return found;
  }

  text(selector: string): string {
    return (this.get(selector).textContent ?? "").replace(/\s+/g, " ").trim();
  }

  cell(site: string, lane = "patched"): SVGElement {
    return this.get<SVGElement>(`[data-run="${lane}"] svg [data-site="${site}"]`);
  }

  mapCell(map: string, site: string): SVGElement {
    return this.get<SVGElement>(`[data-map="${map}"] [data-site="${site}"]`);
  }

  /** The line under the title of a map. */
  mapNote(map: string): string {
    return this.text(`.chart.${map} .map-note`);
  }

  click(target: Element, init: MouseEventInit = {}): void {
    target.dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));
  }

  press(target: Element, key: string, init: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
    target.dispatchEvent(event);
    return event;
  }

  choose(selector: string, value: string): void {
    const select = this.get(selector);
    if (select instanceof HTMLSelectElement) select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** What the page holds out to scripts; undefined while nothing is patched. */
  result(): DOMStringMap | undefined {
    return this.el.querySelector<HTMLElement>("[data-result]")?.dataset;
  }

  sent(kind: string): readonly Message[] {
    return this.model.sent.filter((message) => message.kind === kind);
  }
}

/** An explorer for each test of a file, 1300 px wide, with fake timers. */
export function useExplorer(): Explorer {
  const page = new Explorer();
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(
      () => new DOMRect(0, 0, page.width, 700),
    );
    page.reset();
  });
  afterEach(() => {
    page.dispose();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });
  return page;
}
