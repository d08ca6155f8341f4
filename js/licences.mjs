// The licence texts of the packages that a bundle contains.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// Also where the folder is a link: esbuild names a file by its real place.
const PACKAGE = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//;
const LICENCE = /^(licen[cs]e|copying|notice)/i;
const LINE = "-".repeat(100);

function packageText(name, root) {
  const folder = join(root, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder).filter((file) => LICENCE.test(file));
  if (files.length === 0) throw new Error(`${name} is bundled, and has no licence file.`);
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
  return [`${name} ${version} (${license})`, ...texts].join("\n\n");
}

/** One text for all packages among the input files of a bundle, whose paths begin at `root`. */
export function licences(inputs, root) {
  const names = new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []));
  const parts = [...names].sort().map((name) => packageText(name, root));
  const head = "The front end of patchwidgets (widget.js) contains these packages.";
  return `${[head, ...parts].join(`\n\n${LINE}\n\n`)}\n`;
}
