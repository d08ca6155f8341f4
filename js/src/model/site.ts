/** Site strings such as L9.H6@-1: parsing and printing. */

/** Numbers of more digits name nothing that a model has. */
const SITE =
  /^(?:L(\d{1,6})\.)?(?:((?:H|KV|N)\d{1,9})(?:\.([a-z_]+))?|([a-z][a-z_]*(?:\.(?:F\d{1,9}|features|error))?))(?:@([\w:+-]+))?$/;

export interface Site {
  readonly layer: number | undefined;
  readonly unit: string | undefined;
  readonly component: string;
  readonly position: string | undefined;
}

function unitComponent(unit: string): string {
  return unit.startsWith("N") ? "neuron" : "z";
}

/** The parts of a site string; undefined when it is not one. */
export function parseSite(text: string): Site | undefined {
  const match = SITE.exec(text.trim());
  if (match === null) return undefined;
  const [, layer, unit, suffix, bare, position] = match;
  if (layer === undefined && bare !== "embed") return undefined;
  const component = unit === undefined ? (bare ?? "") : (suffix ?? unitComponent(unit));
  return { layer: layer === undefined ? undefined : Number(layer), unit, component, position };
}

export function printSite(site: Site): string {
  const layer = site.layer === undefined ? [] : [`L${site.layer}`];
  const implied = site.unit !== undefined && site.component === unitComponent(site.unit);
  const parts = [...layer, ...(site.unit === undefined ? [] : [site.unit])];
  const name = (implied ? parts : [...parts, site.component]).join(".");
  return site.position === undefined ? name : `${name}@${site.position}`;
}

/** The site without its position: what lanes carry as `data-site`. */
export function withoutPosition(text: string): string {
  const site = parseSite(text);
  return site === undefined ? text : printSite({ ...site, position: undefined });
}

export function positionOf(text: string): string | undefined {
  return parseSite(text)?.position;
}
