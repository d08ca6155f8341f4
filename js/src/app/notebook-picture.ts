/** Keeps a picture of the last state in the notebook, for when it is opened without its kernel. */

import { keepPicture, keepsPictures } from "../comm/notebook";
import { createPictureAsker } from "../comm/picture";
import type { WidgetModel } from "../comm/widget-model";
import type { State } from "../state/state";
import { savePicture } from "./saved-picture";

interface NotebookPicture {
  readonly consider: (state: State, before: State) => void;
  readonly dispose: () => void;
}

export function createNotebookPicture(model: WidgetModel, host: HTMLElement): NotebookPicture {
  const asker = createPictureAsker(model, (picture) => {
    keepPicture(model, picture);
    host.dataset.picture = picture.text;
  });
  return {
    consider: (state, before) => {
      savePicture(model, state, before);
      const same = state.result === before.result && state.scene === before.scene;
      if (same || state.scene === undefined || !keepsPictures(model)) return;
      delete host.dataset.picture;
      asker.changed();
    },
    dispose: asker.dispose,
  };
}
