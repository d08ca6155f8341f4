/** A drawing as PNG. Costs about a second. */

import type { Drawing } from "./picture";

/** No browser draws more in one direction. */
const MOST_PIXELS = 16_000;

async function imageOf(svg: string): Promise<HTMLImageElement> {
  const image = new Image();
  // As data, not as a blob: a page may forbid blobs, and some browsers then do not let the pixels be read.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}

/** Undefined where this browser cannot draw it. */
export async function pngOf({ svg, width, height }: Drawing): Promise<Blob | undefined> {
  const scale = Math.min(2, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  try {
    const image = await imageOf(svg);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    return blob ?? undefined;
  } catch {
    return undefined;
  }
}
