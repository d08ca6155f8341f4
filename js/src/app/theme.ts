/** Light or dark: what JupyterLab says, otherwise what the system prefers. Paper is light. */

import type { Theme } from "../model/theme";
import type { Removal } from "./listen";

const LAB = "data-jp-theme-light";

function themeOf(body: HTMLElement, system: MediaQueryList, paper: MediaQueryList): Theme {
  if (paper.matches) return "light";
  const lab = body.getAttribute(LAB);
  if (lab !== null) return lab === "false" ? "dark" : "light";
  return system.matches ? "dark" : "light";
}

export function watchTheme(el: HTMLElement, changed: (theme: Theme) => void): Removal {
  const page = el.ownerDocument;
  const system = globalThis.matchMedia("(prefers-color-scheme: dark)");
  const paper = globalThis.matchMedia("print");
  const read = () => changed(themeOf(page.body, system, paper));
  read();
  const observer = new MutationObserver(read);
  observer.observe(page.body, { attributes: true, attributeFilter: [LAB] });
  for (const media of [system, paper]) media.addEventListener("change", read);
  return () => {
    observer.disconnect();
    for (const media of [system, paper]) media.removeEventListener("change", read);
  };
}
