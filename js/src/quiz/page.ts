/** Joins the forms of a quiz page with its questions: one is shown at a time, and all of them on paper. */

import type { Quiz } from "./question";
import { judge } from "./verdict";

function typed(form: HTMLFormElement): string {
  return String(new FormData(form).get("answer") ?? "");
}

class QuizPage {
  private readonly forms: readonly HTMLFormElement[];
  private readonly buttons: readonly HTMLButtonElement[];
  private readonly fold: HTMLButtonElement | null;
  private readonly right = new Set<number>();

  constructor(
    private readonly place: HTMLElement,
    private readonly quiz: Quiz,
  ) {
    this.forms = [...place.querySelectorAll("form")];
    this.buttons = [...place.querySelectorAll<HTMLButtonElement>("nav li button")];
    this.fold = place.querySelector<HTMLButtonElement>("#fold");
  }

  watch(): void {
    this.buttons.forEach((button, at) => {
      button.addEventListener("click", () => this.go(at));
    });
    this.forms.forEach((form, at) => {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.check(form, at);
      });
      form.querySelector(".next")?.addEventListener("click", () => this.go(at + 1));
    });
    this.fold?.addEventListener("click", () => this.unfold("folded" in this.place.dataset));
    this.show(0);
    this.tellScore();
    this.keepRoom();
  }

  /** Show a question, and begin to read there. */
  private go(at: number): void {
    this.unfold(true);
    this.show(at % this.forms.length);
    this.forms[at % this.forms.length]?.querySelector<HTMLElement>(".text")?.focus();
  }

  private show(shown: number): void {
    this.forms.forEach((form, at) => {
      form.hidden = at !== shown;
    });
    this.buttons.forEach((button, at) => {
      if (at === shown) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
  }

  /** Show the question, or give its room to the explorer. */
  private unfold(open: boolean): void {
    if (open) delete this.place.dataset.folded;
    else this.place.dataset.folded = "";
    if (this.fold === null) return;
    this.fold.setAttribute("aria-expanded", String(open));
    this.fold.textContent = open ? "Hide the question" : "Show the question";
  }

  private check(form: HTMLFormElement, at: number): void {
    const question = this.quiz.questions[at];
    const said = form.querySelector(".said");
    if (question === undefined || said === null) return;
    const verdict = judge(typed(form), question, this.quiz);
    said.textContent = `${verdict.right ? "Right." : "Not yet."} ${verdict.says}`;
    form.dataset.verdict = verdict.right ? "right" : "wrong";
    if (verdict.right) this.right.add(at);
    this.mark(at);
    this.tellScore();
  }

  private mark(at: number): void {
    const button = this.buttons[at];
    if (button === undefined || !this.right.has(at)) return;
    button.dataset.right = "";
    button.setAttribute("aria-label", `Question ${at + 1}, right`);
  }

  private tellScore(): void {
    const score = this.place.querySelector("#score");
    if (score !== null) score.textContent = `${this.right.size} of ${this.forms.length} right`;
  }

  /** What gets the focus by the keyboard is not scrolled to under the questions, which stay at the top. */
  private keepRoom(): void {
    new ResizeObserver(() => {
      document.documentElement.style.scrollPaddingTop = `${this.place.offsetHeight}px`;
    }).observe(this.place);
  }
}

export function watchQuiz(place: HTMLElement, quiz: Quiz): void {
  new QuizPage(place, quiz).watch();
}
