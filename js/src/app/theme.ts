/** Light or dark: what JupyterLab says, otherwise what the system prefers. */

import type { Theme } from "../model/theme";
import type { Removal } from "./listen";

const LAB = "data-jp-theme-light";

function themeOf(body: HTMLElement, system: MediaQueryList): Theme {
  const lab = body.getAttribute(LAB);
  if (lab !== null) return lab === "false" ? "dark" : "light";
  return system.matches ? "dark" : "light";
}

export function watchTheme(el: HTMLElement, changed: (theme: Theme) => void): Removal {
  const page = el.ownerDocument;
  const system = globalThis.matchMedia("(prefers-color-scheme: dark)");
  const read = () => changed(themeOf(page.body, system));
  read();
  const observer = new MutationObserver(read);
  observer.observe(page.body, { attributes: true, attributeFilter: [LAB] });
  system.addEventListener("change", read);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", read);
  };
}
