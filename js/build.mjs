// Bundles the front end into the Python package: one ES module, one style sheet. Takes 0.2 s.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 60 * 1024;
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const outdir = at("../patchwidgets/static/");

await build({
  entryPoints: { widget: at("src/index.ts") },
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "inline",
});

const sizes = ["widget.js", "widget.css"].map(
  (name) => gzipSync(readFileSync(outdir + name)).length,
);
const total = sizes[0] + sizes[1];
console.log(
  `widget.js ${sizes[0]} B, widget.css ${sizes[1]} B gzip; together ${total} of ${LIMIT}`,
);
if (total > LIMIT) throw new Error(`The bundle is ${total} bytes gzip; the limit is ${LIMIT}.`);
