import { beforeEach, expect, test, vi } from "vitest";
import { passKeys } from "../../src/quiz/keys";
import { watchQuiz } from "../../src/quiz/page";
import type { Question, Quiz } from "../../src/quiz/question";

const question: Question = {
  kind: "number",
  right: [1],
  tolerance: 0,
  foreseen: [],
  praise: "yes",
  otherwise: "no",
};
const quiz: Quiz = {
  layers: 4,
  heads: 4,
  prompts: [["<bos>"], ["<bos>"]],
  positions: {},
  questions: [question, question],
};
const pressed = vi.fn();

beforeEach(() => {
  pressed.mockReset();
  document.body.innerHTML = `<section id="quiz"><nav><button id="fold" aria-expanded="true">Hide the question</button>
    <ol><li><button>1</button></li><li><button>2</button></li></ol><p id="score"></p></nav>
    ${"<form><p class=text tabindex=-1></p><input name=answer><input type=radio><p class=said></p></form>".repeat(2)}</section>
    <div id="explorer"><div></div></div>`;
  const shadow = get("#explorer div").attachShadow({ mode: "open" });
  shadow.innerHTML = '<select></select><i></i><div role="grid"><b tabindex="0"></b></div>';
  shadow.querySelector("b")?.addEventListener("keydown", (event) => {
    pressed(event.key);
    if (event.key !== "t") event.preventDefault();
  });
});

function get(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(selector);
  return found;
}

function press(target: Element, key: string, init: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", {
    key,
    bubbles: true,
    cancelable: true,
    composed: true,
    ...init,
  });
  target.dispatchEvent(event);
  return event;
}

test("keys of the view go to the explorer from everywhere but fields, and those of a cell do not", () => {
  const removed = vi.spyOn(document, "addEventListener");
  passKeys(document, get("#explorer"));
  const [, listener] = removed.mock.calls.find(([type]) => type === "keydown") ?? [];
  const inside = get("#explorer div").shadowRoot;
  const [choice, beside] = [inside?.querySelector("select"), inside?.querySelector("i")];
  if (!choice || !beside) throw new Error("no explorer");
  for (const target of [document.body, get(".text"), get("#fold"), get("[type=radio]"), beside])
    expect(press(target, "n").defaultPrevented).toBe(true);
  expect(press(document.body, "/").defaultPrevented).toBe(true);
  expect(press(document.body, "t").defaultPrevented).toBe(false);
  expect(pressed.mock.calls.flat()).toEqual(["n", "n", "n", "n", "n", "/", "t"]);
  for (const target of [get("[name=answer]"), choice]) press(target, "n");
  for (const key of ["x", "Enter", " ", "ArrowDown", "Escape"]) press(document.body, key);
  press(document.body, "f", { ctrlKey: true });
  expect(pressed).toHaveBeenCalledTimes(7);
  document.removeEventListener("keydown", listener as EventListener);
});

test("the question can be hidden, and choosing one shows it", () => {
  watchQuiz(get("#quiz"), quiz);
  const fold = get("#fold");
  fold.click();
  expect([fold.ariaExpanded ?? fold.getAttribute("aria-expanded"), fold.textContent]).toEqual([
    "false",
    "Show the question",
  ]);
  expect(get("#quiz").dataset.folded).toBe("");
  get("li:last-child button").click();
  expect(fold.getAttribute("aria-expanded")).toBe("true");
  expect(fold.textContent).toBe("Hide the question");
  expect("folded" in get("#quiz").dataset).toBe(false);
});
