/** The explorer on a page of its own: opened from a file, with no kernel and no network. */

import { mount } from "./app/mount";
import { RecordedModel } from "./comm/recorded";
import { type Recording, readRecording } from "./comm/recording";

/** What was recorded: compressed, in base64. */
async function recorded(): Promise<Recording> {
  const text = document.getElementById("recording")?.textContent ?? "";
  const data = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const plain = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return readRecording(await new Response(plain).arrayBuffer());
}

const place = document.getElementById("explorer");
if (place !== null) {
  const lines = document.getElementById("code");
  const follow = (code: string) => {
    if (lines !== null) lines.textContent = code;
  };
  mount(new RecordedModel(await recorded(), follow), place);
  document.documentElement.dataset.ready = "";
}
