// Bundles the demo page into dev/out; open dev/index.html?world=smollm&theme=dark from the disk.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { cssText } from "../css-text.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
await build({
  entryPoints: [at("demo.ts")],
  outdir: at("out"),
  bundle: true,
  format: "iife",
  target: ["es2022"],
  plugins: [cssText],
});
