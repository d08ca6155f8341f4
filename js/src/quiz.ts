/** The questions of a quiz page, above the explorer of the same page. */

import { embedded } from "./app/embedded";
import { passKeys } from "./quiz/keys";
import { watchQuiz } from "./quiz/page";
import type { Quiz } from "./quiz/question";

const place = document.getElementById("quiz");
if (place !== null) {
  const text = new TextDecoder().decode(await embedded("questions"));
  watchQuiz(place, JSON.parse(text) as Quiz);
  const explorer = document.getElementById("explorer");
  if (explorer !== null) passKeys(document, explorer);
  document.documentElement.dataset.quizReady = "";
}
