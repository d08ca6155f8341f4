/** The front end of patchwidgets for anywidget: shows an experiment, asks the kernel for patches. */

import { mount } from "./app/mount";
import { restoreView } from "./comm/notebook";
import type { WidgetModel } from "./comm/widget-model";

function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  return mount(model, el);
}

/** Of a reloaded notebook whose kernel still runs. */
function initialize({ model }: { model: WidgetModel }): void {
  restoreView(model).catch((error) => console.warn("patchwidgets: no view to restore.", error));
}

export default { initialize, render };
