// A question with its answer, as they stand on the page.
import { Answer } from "./answer.js";
import { answerToCopy, copy } from "./copying.js";
import { announce, make } from "./elements.js";
import { sourcesOf } from "./sources.js";

const COPIED_MS = 2000;
const ENDS = { stopped: "Stopped.", length: "Cut off: the answer reached its longest." };

/** `page` has the project, and what the buttons of a turn do: askAgain(turn, question), flag(turn, note). */
export class Turn {
  constructor(turn, page, isSaved = false) {
    this.turn = turn;
    this.isSaved = isSaved;
    this.page = page;
    this.tuned = new Answer();
    this.base = new Answer();
    this.question = make("h2", { class: "question", dir: "auto", tabindex: "-1" });
    this.answers = make("div", { class: "answers" });
    this.under = make("div", { class: "under" });
    this.beside = make("div", { class: "beside" });
    this.element = make("article", { class: "turn" },
      make("div", { class: "said" }, this.question, this.answers, this.under), this.beside);
    this.draw();
  }

  /** Show all of the turn anew, `turn` if it is another one. */
  draw(turn = this.turn) {
    this.turn = turn;
    this.question.textContent = turn.question;
    this.drawAnswers();
    this.drawSources();
    this.drawUnder();
  }

  drawSources() {
    // What somebody has unfolded stays so when the answer is complete.
    const key = JSON.stringify([this.turn.sources, this.turn.decision]);
    if (key === this.drawnSources) return;
    this.drawnSources = key;
    this.beside.replaceChildren(...[sourcesOf(this.turn)].filter(Boolean));
  }

  drawAnswers() {
    const { turn } = this;
    // The base isn't asked what no talk answers.
    const isCompared = turn.base !== null && Boolean(turn.base || turn.writing);
    this.tuned.show(turn.answer, turn.sentences);
    if (isCompared) this.base.show(turn.base);
    this.element.classList.toggle("compared", isCompared);
    this.element.classList.toggle("writing", Boolean(turn.writing));
    if (this.answers.children.length !== (isCompared ? 2 : 1)) this.answers.replaceChildren(...this.columns(isCompared));
  }

  columns(isCompared) {
    if (!isCompared) return [make("section", { class: "answer" }, this.tuned.element)];
    return [["Trained", this.tuned], ["Base model, no places looked for", this.base]].map(([name, { element }]) =>
      make("section", { class: "answer" }, make("h3", { text: name }), element));
  }

  drawUnder() {
    const { turn } = this;
    const parts = turn.writing ? [this.waiting()] : [this.state(), this.notice(), this.trouble(), this.actions()];
    this.under.replaceChildren(...parts.filter(Boolean));
  }

  waiting() {
    return make("p", { class: "waiting", "aria-hidden": "true" }, make("span", { class: "dot" }));
  }

  state() {
    const { decision, finish_reason } = this.turn;
    const said = [decision === "not_covered" ? "The model was not asked." : "", ENDS[finish_reason] ?? ""].filter(Boolean);
    return said.length ? make("p", { class: "state", text: said.join(" ") }) : null;
  }

  notice() {
    return this.page.project.notice && this.turn.answer ? make("p", { class: "notice", text: this.page.project.notice, dir: "auto" }) : null;
  }

  /** What went wrong, and the way on: {text, does, act}. */
  trouble() {
    const { trouble } = this.turn;
    if (!trouble) return null;
    return make("div", { class: "trouble", role: "alert" },
      make("p", { text: trouble.text }),
      make("button", { type: "button", text: trouble.does, onclick: trouble.act }));
  }

  actions() {
    const { turn } = this;
    const buttons = [this.button("Edit", "edit", () => this.edit())];
    if (turn.answer) buttons.unshift(this.copyButton());
    if (turn.answer && this.page.project.flags && this.isSaved) buttons.push(this.wrongButton());
    return make("div", { class: "actions" }, ...buttons);
  }

  button(text, does, onclick) {
    return make("button", { type: "button", class: "plain small", "data-does": does, text, onclick });
  }

  copyButton() {
    const button = this.button("Copy", "copy", async () => {
      try {
        await copy(answerToCopy(this.turn, this.page.project.notice));
        button.textContent = "Copied";
        announce("The answer is copied, with its links.");
      } catch {
        button.textContent = "The browser doesn't let the page copy";
      }
      setTimeout(() => { button.textContent = "Copy"; }, COPIED_MS);
    });
    return button;
  }

  wrongButton() {
    if (this.turn.flagged) return make("span", { class: "flagged", text: "Noted as wrong" });
    return this.button("Wrong?", "wrong", (event) => this.askWhatIsWrong(event.target));
  }

  /** A form in the place of the buttons; its `sent` is called with what was written. */
  form({ label, value, send, required, hint }, sent) {
    const text = make("textarea", { rows: 2, dir: "auto", required });
    text.value = value;
    const trouble = make("p", { class: "trouble-line", role: "alert" });
    const back = () => { this.drawUnder(); this.question.focus(); };
    const form = make("form", { class: "little" },
      make("label", {}, make("span", { text: label }), text),
      hint ? make("p", { class: "quiet", text: hint }) : null,
      trouble,
      make("div", { class: "row" }, make("button", { type: "button", text: "Cancel", onclick: back }), make("button", { class: "main", text: send })));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await sent(text.value.trim());
      } catch (error) {
        trouble.textContent = error.message;
      }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") back();
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.under.replaceChildren(form);
    text.focus();
  }

  edit() {
    const later = this.page.turnsAfter(this.turn);
    const hint = later ? `Asking again drops this answer and the ${later === 1 ? "turn" : `${later} turns`} after it.` : "Asking again drops this answer.";
    this.form({ label: "Edit the question", value: this.turn.question, send: "Ask again", required: true, hint }, (question) =>
      question && this.page.askAgain(this.turn, question));
  }

  askWhatIsWrong() {
    const hint = "Question, answer and passages go into data/flags.csv of the project, on this machine.";
    this.form({ label: "What is wrong? (may stay empty)", value: "", send: "Note it as wrong", hint }, async (note) => {
      await this.page.flag(this.turn, note);
      this.turn.flagged = true;
      this.drawUnder();
      this.question.focus();
      announce("Noted as wrong.");
    });
  }
}
