/** happy-dom lacks what browsers have: `element.style = "…"` of an SVG element goes to `style.cssText`, as for HTML. */

const own = Object.getOwnPropertyDescriptor(SVGElement.prototype, "style");
Object.defineProperty(SVGElement.prototype, "style", {
  ...own,
  set(this: SVGElement, text: string) {
    this.style.cssText = text;
  },
});
