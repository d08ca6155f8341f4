// The explorers on a page take its theme, also when the reader switches it. A page that is opened from disk may not reach
// into its frames; there the frame's color-scheme, which site.css sets, says the same to the browser.
"use strict";

const isDark = () => {
  const theme = document.body.dataset.theme;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
};

const tell = (frame) => {
  try {
    const page = frame.contentDocument;
    page.body.setAttribute("data-jp-theme-light", String(!isDark()));
    page.documentElement.style.colorScheme = isDark() ? "dark" : "light";
  } catch {
    // another origin: a file
  }
};

document.addEventListener("DOMContentLoaded", () => {
  const frames = document.querySelectorAll("iframe.explorer");
  const tellAll = () => frames.forEach(tell);
  for (const frame of frames) frame.addEventListener("load", () => tell(frame));
  tellAll();
  new MutationObserver(tellAll).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellAll);
});
