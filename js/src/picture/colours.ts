/** Colours as SVG programs read them: a hexadecimal one and an opacity, whatever a style sheet has computed. */

export interface Paint {
  readonly colour: string;
  readonly opacity: number;
}

const known = new Map<string, Paint | undefined>();

function hex(channels: readonly number[]): string {
  return `#${channels.map((each) => Math.round(each).toString(16).padStart(2, "0")).join("")}`;
}

/** oklab() and the like are drawn, and read back. */
function drawn(css: string): Paint | undefined {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0, a = 0] = context.getImageData(0, 0, 1, 1).data;
  return a === 0 ? undefined : { colour: hex([r, g, b]), opacity: a / 255 };
}

function read(css: string): Paint | undefined {
  if (css === "" || css === "none" || css === "transparent") return undefined;
  const rgb = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(css);
  if (rgb === null) return drawn(css);
  const opacity = Number(rgb[4] ?? 1);
  return opacity === 0 ? undefined : { colour: hex(rgb.slice(1, 4).map(Number)), opacity };
}

/** Undefined where nothing is painted. */
export function paintOf(css: string): Paint | undefined {
  if (!known.has(css)) known.set(css, read(css));
  return known.get(css);
}
