// Bundles the demo page into dev/out; open dev/index.html?world=smollm&theme=dark from the disk.
import { build } from "esbuild";

const at = (path) => new URL(path, import.meta.url).pathname;
await build({
  entryPoints: [at("demo.ts")],
  outdir: at("out"),
  bundle: true,
  format: "iife",
  target: ["es2022"],
});
