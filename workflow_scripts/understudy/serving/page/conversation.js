// The conversation that is open: its turns, and one answer at a time that is being written.
import { announce, byId } from "./elements.js";
import { ServerError, ask, events } from "./server.js";
import { Turn } from "./turn.js";

const AT_ONCE = 20;
const BETWEEN_LOOKS_MS = 200;
const GONE = 0, NOT_FOUND = 404, CHANGED = 409;
const ELSEWHERE = "Another tab has changed this conversation.";

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const pathOf = (id) => `/api/conversations/${encodeURIComponent(id)}`;
const emptyTurn = (question, isCompared) => ({
  question, answer: "", base: isCompared ? "" : null, finish_reason: null, decision: null, sources: [], sentences: [], flagged: false,
});

export class Conversation {
  /** `changed` is called when the conversation, or whether an answer is being written, has changed. */
  constructor(project, changed) {
    this.project = project;
    this.changed = changed;
    this.id = null;
    this.title = "";
    this.version = null;
    this.turns = [];
    this.writing = null;
    // The turn that was sent, and of which nobody knows whether it was stored.
    this.unsure = null;
  }

  get isWriting() {
    return this.writing !== null;
  }

  /** Begin a new one; it is made on the server with its first question. */
  begin() {
    this.leave();
    Object.assign(this, { id: null, title: "", version: null, turns: [], unsure: null });
    byId("turns").replaceChildren();
    this.changed();
  }

  /** Open one of the server's. Throws ServerError. */
  async open(id) {
    const record = await ask("GET", pathOf(id));
    this.leave();
    Object.assign(this, { id, title: record.title, version: record.version, unsure: null });
    this.turns = record.turns.map((turn) => ({ ...turn }));
    byId("turns").replaceChildren();
    this.changed();
    await this.drawAll();
    if (record.answering) await this.openWhenAnswered(id);
  }

  /** Another tab, or this one before it was loaded again, has a question that is being answered. */
  async openWhenAnswered(id) {
    announce("An answer to this conversation is being written.");
    const record = await this.whenAnswered(id);
    if (this.id === id && !this.isWriting && record.version !== this.version) await this.open(id);
  }

  /** The server's record, when no answer to it is being written any more. Throws ServerError. */
  async whenAnswered(id) {
    let record = await ask("GET", pathOf(id));
    while (record.answering && this.id === id) {
      await pause(BETWEEN_LOOKS_MS);
      record = await ask("GET", pathOf(id));
    }
    return record;
  }

  /** The last turns first, so that a long conversation is there at once. */
  async drawAll() {
    const { id } = this;
    const records = this.turns;
    this.turns = records.map(() => null);
    for (let end = records.length; end > 0; end -= AT_ONCE) {
      const first = Math.max(0, end - AT_ONCE);
      const drawn = records.slice(first, end).map((record) => new Turn(record, this, true));
      this.turns.splice(first, drawn.length, ...drawn);
      putInFront(drawn.map((turn) => turn.element), end === records.length);
      await pause(0);
      if (this.id !== id || this.turns[first] !== drawn[0]) return;
    }
  }

  turnsAfter(turn) {
    return this.turns.length - 1 - this.numberOf(turn);
  }

  numberOf(turn) {
    return this.turns.findIndex((one) => one?.turn === turn);
  }

  /** Ask a question behind all turns. */
  askNew(question, isCompared) {
    return this.askAt(this.turns.length, question, isCompared);
  }

  /** Ask in the place of a turn; those behind it are dropped. */
  askAgain(turn, question) {
    return this.askAt(this.numberOf(turn), question, turn.base !== null);
  }

  async askAt(number, question, isCompared) {
    if (this.isWriting) return;
    const writing = new AbortController();
    this.writing = writing;
    this.drop(this.turns.slice(number));
    const shown = new Turn({ ...emptyTurn(question, isCompared), writing: true }, this);
    this.turns.push(shown);
    putLast(shown.element);
    this.changed();
    announce("The answer is being written.");
    const trouble = await this.write(shown, isCompared, writing);
    // Another conversation may have been opened meanwhile.
    if (this.writing !== writing) return;
    this.writing = null;
    shown.draw({ ...shown.turn, writing: false, trouble });
    announce(trouble ? "" : saidOf(shown.turn));
    if (writing.signal.aborted) await this.settle().catch(() => null);
    this.changed();
  }

  drop(turns) {
    for (const dropped of turns) dropped?.element.remove();
    this.turns = this.turns.filter((turn) => !turns.includes(turn));
  }

  /** Ask, and show the answer as it comes; what went wrong, or null. */
  async write(shown, isCompared, writing) {
    try {
      await this.makeReady(writing.signal);
      this.drop(this.turns.filter((turn) => turn && !turn.isSaved && turn !== shown));
      const keep = this.turns.length - 1;
      this.unsure = { shown, keep };
      const body = { question: shown.turn.question, keep, version: this.version, compare: isCompared };
      await this.read(shown, events(`${pathOf(this.id)}/turns`, body, writing.signal), writing.signal);
      this.unsure = null;
    } catch (error) {
      if (!writing.signal.aborted) return this.troubleOf(error, shown);
      shown.turn.finish_reason = "stopped";
    }
    return null;
  }

  /** The conversation is on the server, and its version known. Throws ServerError. */
  async makeReady(signal) {
    if (this.unsure) await this.settle();
    signal.throwIfAborted();
    if (this.id !== null) return;
    const { id, version } = await ask("POST", "/api/conversations", {});
    signal.throwIfAborted();
    Object.assign(this, { id, version });
    this.changed();
  }

  /** After a stop or a breakdown: has the server kept what there was of the answer? Throws ServerError, where another tab has asked too. */
  async settle() {
    const { unsure, id } = this;
    if (!unsure) return;
    const { shown, keep } = unsure;
    const record = await this.whenAnswered(id);
    if (this.id !== id || this.unsure !== unsure) return;
    const last = record.turns.at(-1);
    if (record.version !== this.version) {
      if (record.turns.length !== keep + 1 || last.question !== shown.turn.question) throw new ServerError(CHANGED, ELSEWHERE);
      shown.isSaved = true;
      shown.draw({ ...last });
    }
    Object.assign(this, { version: record.version, unsure: null });
  }

  /** Show the events of an answer as they come. */
  async read(shown, stream, signal) {
    const { turn } = shown;
    let frame = 0;
    const drawSoon = () => { frame ||= requestAnimationFrame(() => { frame = 0; shown.drawAnswers(); }); };
    try {
      for await (const { event, data } of stream) {
        signal.throwIfAborted();
        if (event === "sources") {
          Object.assign(turn, { sources: data.sources, decision: data.decision });
          shown.drawSources();
        } else if (event === "piece") {
          if (data.who === "base") turn.base = (turn.base ?? "") + data.text;
          else turn.answer += data.text;
          drawSoon();
        } else if (event === "sentences") {
          turn.sentences = data.sentences;
          drawSoon();
        } else if (event === "end") {
          this.version = data.version;
          shown.turn = { ...data.turn };
          shown.isSaved = true;
          return;
        } else if (event === "error") {
          throw new Error(data.error);
        }
      }
    } finally {
      cancelAnimationFrame(frame);
    }
    throw new Error("The program broke off in the middle of the answer.");
  }

  /** End the answer that is being written; what there is of it stays. */
  stop() {
    this.writing?.abort();
  }

  leave() {
    this.stop();
    this.writing = null;
  }

  troubleOf(error, shown) {
    const again = { does: "Try again", act: () => this.askAgain(shown.turn, shown.turn.question) };
    if (error.status === CHANGED) {
      const act = () => this.reload(shown);
      return { text: `${ELSEWHERE} Your question is kept.`, does: "Load the conversation again", act };
    }
    if (error.status === NOT_FOUND) {
      const act = () => this.askElsewhere(shown);
      return { text: "This conversation was deleted. Your question is kept.", does: "Ask it in a new conversation", act };
    }
    return { text: error.status === GONE ? `${error.message} Your question is kept.` : error.message, ...again };
  }

  async reload(shown) {
    const { question } = shown.turn;
    try {
      await this.open(this.id);
    } catch (error) {
      shown.turn.trouble.text = `${error.message} Your question is kept.`;
      return shown.draw();
    }
    byId("question").value ||= question;
    byId("question").dispatchEvent(new Event("input"));
    byId("question").focus();
  }

  async askElsewhere(shown) {
    const { question, base } = shown.turn;
    this.begin();
    await this.askNew(question, base !== null);
  }

  /** Note a turn as wrong. Throws ServerError. */
  flag(turn, note) {
    return ask("POST", "/api/flags", { conversation: this.id, turn: this.numberOf(turn), note });
  }
}

function putLast(element) {
  document.querySelector(".turn.newest")?.classList.remove("newest");
  element.classList.add("newest");
  byId("turns").append(element);
  element.scrollIntoView({ block: "start" });
}

function saidOf({ answer, sources }) {
  const words = answer.split(/\s+/).filter(Boolean).length;
  return `The answer is there: ${words} words, ${sources.length} ${sources.length === 1 ? "passage" : "passages"}.`;
}

/** Put turns before those that are there. What is seen stays where it is; the newest turn is what is seen first. */
function putInFront(elements, isNewest) {
  const talk = byId("talk");
  const before = talk.scrollHeight;
  byId("turns").prepend(...elements);
  if (isNewest) elements.at(-1)?.scrollIntoView({ block: "start" });
  else talk.scrollTop += talk.scrollHeight - before;
}
