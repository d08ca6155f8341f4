/** The picture of the last state that stays in a saved notebook: asked for when the page is at rest. */

import { isText } from "./validate";
import type { WidgetModel } from "./widget-model";

export interface Picture {
  /** The PNG in base64. */
  readonly png: string;
  readonly text: string;
}

/** Long after the last click: drawing takes the kernel some tenths of a second. */
const REST = 1500;
/** Beyond the ids of all other requests. */
let nextId = 2 ** 40 + Math.floor(Math.random() * 2 ** 39);

interface Asker {
  /** Something else is shown. */
  readonly changed: () => void;
  readonly dispose: () => void;
}

/** Asks for a picture once nothing has changed for a while. */
export function createPictureAsker(model: WidgetModel, got: (picture: Picture) => void): Asker {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked: number | undefined;
  const received = (content: unknown) => {
    const { kind, id, png, text } = (content ?? {}) as Record<string, unknown>;
    if (kind !== "picture" || id !== asked || !isText(png) || !isText(text)) return;
    got({ png, text });
  };
  const ask = () => {
    asked = nextId;
    nextId += 1;
    try {
      model.send({ v: 1, kind: "picture", id: asked });
    } catch {
      asked = undefined; // without Python the last picture stays
    }
  };
  model.on("msg:custom", received);
  return {
    changed: () => {
      clearTimeout(timer);
      asked = undefined;
      timer = setTimeout(ask, REST);
    },
    dispose: () => {
      clearTimeout(timer);
      model.off("msg:custom", received);
    },
  };
}
