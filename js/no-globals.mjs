// lit-html counts its copies in `globalThis.litHtmlVersions`. In a bundle nobody reads that list, and a widget has no
// business with the globals of a page that is somebody else's: the copy here counts in an object of its own.

import { readFileSync } from "node:fs";

const THEIRS = "const t=globalThis,";
const OURS = "const t={trustedTypes:globalThis.trustedTypes},";

/** @type {import("esbuild").Plugin} */
export const noGlobals = {
  name: "no-globals",
  setup({ onLoad }) {
    onLoad({ filter: /lit-html\/lit-html\.js$/ }, ({ path }) => {
      const code = readFileSync(path, "utf8");
      if (!code.includes(THEIRS))
        throw new Error(`${path} does not begin with "${THEIRS}" any more.`);
      return { contents: code.replace(THEIRS, OURS), loader: "js" };
    });
  },
};
