import { afterEach, expect, it, vi } from "vitest";
import { watchTheme } from "../../src/app/theme";

const DARK = "(prefers-color-scheme: dark)";
const { documentElement: html, body } = document;

function system(...matching: readonly string[]): void {
  vi.spyOn(globalThis, "matchMedia").mockImplementation(
    (query) =>
      ({
        matches: matching.includes(query),
        addEventListener: vi.fn(),
        removeEventListener: vi.fn(),
      }) as unknown as MediaQueryList,
  );
}

/** What a view of a page is told, one look after the other. */
function looks(): string[] {
  const seen: string[] = [];
  watchTheme(body, ({ host, theme }) => seen.push(`${host} ${theme}`));
  return seen;
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const each of [html, body])
    for (const name of each.getAttributeNames()) each.removeAttribute(name);
});

it.each([
  ["JupyterLab", "lab light", {}, { "data-jp-theme-light": "true" }],
  ["JupyterLab", "lab dark", {}, { "data-jp-theme-light": "false" }],
  ["VS Code", "vscode light", {}, { class: "vscode-light" }],
  ["VS Code", "vscode dark", {}, { class: "vscode-dark" }],
  ["VS Code", "vscode dark", {}, { class: "vscode-high-contrast" }],
  ["VS Code", "vscode light", {}, { class: "vscode-high-contrast-light vscode-high-contrast" }],
  ["a program like it", "vscode dark", {}, { "data-vscode-theme-kind": "vscode-dark" }],
  ["Colab", "page light", { theme: "light" }, {}],
  ["Colab", "page dark", { theme: "dark" }, {}],
  ["marimo", "page light", {}, { class: "light light-theme", "data-theme": "light" }],
  ["marimo", "page dark", {}, { class: "dark dark-theme", "data-theme": "dark" }],
  ["a site", "page dark", { class: "dark" }, {}],
  ["a site", "page light", { "data-theme": "light" }, {}],
])("takes the theme of %s: %s, whatever the system prefers", (_name, look, ofHtml, ofBody) => {
  for (const [name, value] of Object.entries(ofHtml)) html.setAttribute(name, value);
  for (const [name, value] of Object.entries(ofBody)) body.setAttribute(name, value);
  for (const preferred of [[], [DARK]]) {
    system(...preferred);
    expect(looks()).toEqual([look]);
  }
});

it.each([
  { said: [], look: "page light" },
  { said: [DARK], look: "page dark" },
])("is that of the system where the page says nothing it knows: $look", ({ said, look }) => {
  html.setAttribute("data-theme", "auto");
  body.className = "lm-mod-override darkish";
  system(...said);
  expect(looks()).toEqual([look]);
});

it("is light on paper, in no colours of the program", () => {
  body.setAttribute("data-jp-theme-light", "false");
  system(DARK, "print");
  expect(looks()).toEqual(["page light"]);
});

it("follows the page, and tells nothing of a class that says nothing", async () => {
  system();
  body.className = "vscode-light";
  const seen = looks();
  for (const said of ["vscode-light busy", "vscode-dark", "vscode-dark busy", "", "dark"]) {
    body.className = said;
    await Promise.resolve();
  }
  html.setAttribute("theme", "light");
  await vi.waitFor(() =>
    expect(seen).toEqual(["vscode light", "vscode dark", "page light", "page dark", "page light"]),
  );
});
