/** The front end of patchwidgets for anywidget: shows an experiment, asks the kernel for patches. */

import { mount } from "./app/mount";
import type { WidgetModel } from "./comm/widget-model";

function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  return mount(model, el);
}

export default { render };
