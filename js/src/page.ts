/** The explorer on a page of its own: opened from a file, with no kernel and no network. */

import { embedded } from "./app/embedded";
import { mount } from "./app/mount";
import { RecordedModel } from "./comm/recorded";
import { readRecording } from "./comm/recording";

const place = document.getElementById("explorer");
if (place !== null) {
  const lines = document.getElementById("code");
  const follow = (code: string) => {
    if (lines !== null) lines.textContent = code;
  };
  const quiz = document.getElementById("quiz") !== null;
  const recording = readRecording(await embedded("recording"));
  mount(new RecordedModel(recording, follow, quiz), place);
  document.documentElement.dataset.ready = "";
}
