/** Light or dark: what the program around the view says, otherwise what the system prefers. Paper is light. */

import type { Host, Theme } from "../model/theme";
import type { Removal } from "./listen";

interface Look {
  readonly theme: Theme;
  readonly host: Host;
}

/** Where a page says it. */
const WATCHED = ["class", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];

/** JupyterLab, Notebook 7, and notebooks exported by them. */
function labTheme(body: HTMLElement): Theme | undefined {
  const light = body.getAttribute("data-jp-theme-light");
  if (light === null) return undefined;
  return light === "false" ? "dark" : "light";
}

/** VS Code and its like. The body of a light theme of high contrast has the class of a dark one beside its own. */
function codeTheme({ dataset, classList }: HTMLElement): Theme | undefined {
  const said = new Set([dataset.vscodeThemeKind, ...classList]);
  if (said.has("vscode-light") || said.has("vscode-high-contrast-light")) return "light";
  if (said.has("vscode-dark") || said.has("vscode-high-contrast")) return "dark";
  return undefined;
}

/** `<html theme="dark">` in Colab, `<body class="dark" data-theme="dark">` in marimo, `data-theme` on many sites. */
function pageTheme(html: HTMLElement, body: HTMLElement): Theme | undefined {
  const attributes = [html.getAttribute("theme"), html.dataset.theme, body.dataset.theme];
  const said = [...attributes, ...html.classList, ...body.classList];
  return said.find((word) => word === "light" || word === "dark");
}

function lookOf({ documentElement, body }: Document, dark: boolean, paper: boolean): Look {
  if (paper) return { theme: "light", host: "page" };
  const lab = labTheme(body);
  if (lab !== undefined) return { theme: lab, host: "lab" };
  const code = codeTheme(body);
  if (code !== undefined) return { theme: code, host: "vscode" };
  return { theme: pageTheme(documentElement, body) ?? (dark ? "dark" : "light"), host: "page" };
}

export function watchTheme(el: HTMLElement, changed: (look: Look) => void): Removal {
  const page = el.ownerDocument;
  const system = globalThis.matchMedia("(prefers-color-scheme: dark)");
  const paper = globalThis.matchMedia("print");
  let last: Look | undefined;
  const read = () => {
    const look = lookOf(page, system.matches, paper.matches);
    // Programs change the classes of their pages often, for reasons of their own.
    if (look.theme === last?.theme && look.host === last.host) return;
    last = look;
    changed(look);
  };
  read();
  const observer = new MutationObserver(read);
  for (const said of [page.documentElement, page.body])
    observer.observe(said, { attributes: true, attributeFilter: WATCHED });
  for (const media of [system, paper]) media.addEventListener("change", read);
  return () => {
    observer.disconnect();
    for (const media of [system, paper]) media.removeEventListener("change", read);
  };
}
