// The style sheet as text inside the bundle: `import css from "./styles/index.css"` in TypeScript. A page that forbids
// inline styles (`style-src 'self'`) takes it as a constructed style sheet.

import { build } from "esbuild";

/** @type {import("esbuild").Plugin} */
export const cssText = {
  name: "css-text",
  setup({ onLoad, initialOptions }) {
    onLoad({ filter: /styles\/index\.css$/ }, async ({ path }) => {
      const { minify, target, charset } = initialOptions;
      const found = await build({
        entryPoints: [path],
        bundle: true,
        write: false,
        metafile: true,
        ...{ minify, target, charset },
      });
      const [{ text }] = found.outputFiles;
      const watchFiles = Object.keys(found.metafile.inputs);
      return { contents: text, loader: "text", watchFiles };
    });
  },
};
