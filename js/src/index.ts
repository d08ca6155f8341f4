/** The front end of patchwidgets for anywidget: shows an experiment, asks the kernel for patches. */

import type { WidgetModel } from "./client";
import { mount } from "./mount";
import "./styles.css";

function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  return mount(model, el);
}

export default { render };
