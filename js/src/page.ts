/** The explorer on a page of its own: opened from a file, with no kernel and no network. */

import { mount } from "./app/mount";
import { RecordedModel, type Recording } from "./comm/recorded";

/** What was recorded: JSON, compressed, in base64. */
async function recorded(): Promise<Recording> {
  const text = document.getElementById("recording")?.textContent ?? "";
  const data = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const plain = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(plain).text());
}

const place = document.getElementById("explorer");
if (place !== null) {
  mount(new RecordedModel(await recorded()), place);
  document.documentElement.dataset.ready = "";
}
