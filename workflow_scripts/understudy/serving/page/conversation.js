// The conversation that is open: its turns, and one answer at a time that is being written.
import { announce, byId } from "./elements.js";
import { ask, events } from "./server.js";
import { Turn } from "./turn.js";

const AT_ONCE = 20;
const TRIES = 20;
const BETWEEN_TRIES_MS = 150;
const GONE = 0, NOT_FOUND = 404, CHANGED = 409;

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
  }

  get isWriting() {
    return this.writing !== null;
  }

  /** Begin a new one; it is made on the server with its first question. */
  begin() {
    this.leave();
    Object.assign(this, { id: null, title: "", version: null, turns: [] });
    byId("turns").replaceChildren();
    this.changed();
  }

  /** Open one of the server's. Throws ServerError. */
  async open(id) {
    const record = await ask("GET", pathOf(id));
    this.leave();
    Object.assign(this, { id, title: record.title, version: record.version });
    this.turns = record.turns.map((turn) => ({ ...turn }));
    byId("turns").replaceChildren();
    this.changed();
    await this.drawAll();
  }

  /** The last turns first, so that a long conversation is there at once. */
  async drawAll() {
    const { id } = this;
    const records = this.turns;
    this.turns = records.map(() => null);
    for (let end = records.length; end > 0; end -= AT_ONCE) {
      const first = Math.max(0, end - AT_ONCE);
      const drawn = records.slice(first, end).map((record) => new Turn(record, this));
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

  async askAt(keep, question, isCompared) {
    if (this.isWriting) return;
    for (const dropped of this.turns.splice(keep)) dropped?.element.remove();
    const shown = new Turn({ ...emptyTurn(question, isCompared), writing: true }, this);
    this.turns.push(shown);
    byId("turns").append(shown.element);
    document.querySelector(".turn.newest")?.classList.remove("newest");
    shown.element.classList.add("newest");
    shown.element.scrollIntoView({ block: "start" });
    this.writing = new AbortController();
    this.changed();
    announce("The answer is being written.");
    await this.write(shown, keep, isCompared, this.writing);
  }

  async write(shown, keep, isCompared, writing) {
    const { turn } = shown;
    let isStopped = false;
    try {
      await this.makeReady();
      const body = { question: turn.question, keep, version: this.version, compare: isCompared };
      await this.read(shown, events(`${pathOf(this.id)}/turns`, body, writing.signal));
    } catch (error) {
      isStopped = writing.signal.aborted;
      if (isStopped) turn.finish_reason = "stopped";
      else turn.trouble = this.troubleOf(error, shown);
    }
    // Another conversation may have been opened meanwhile.
    if (this.writing !== writing) return;
    this.writing = null;
    shown.turn.writing = false;
    shown.draw();
    announce(shown.turn.trouble ? "" : saidOf(shown.turn));
    if (isStopped) await this.catchUp(shown, keep);
    this.changed();
  }

  /** The conversation is on the server, and its version known. */
  async makeReady() {
    if (this.id === null) {
      const { id, version } = await ask("POST", "/api/conversations", {});
      Object.assign(this, { id, version });
      this.changed();
    } else if (this.version === null) {
      this.version = (await ask("GET", pathOf(this.id))).version;
    }
  }

  /** Show the events of an answer as they come. */
  async read(shown, stream) {
    const { turn } = shown;
    let frame = 0;
    const drawSoon = () => { frame ||= requestAnimationFrame(() => { frame = 0; shown.drawAnswers(); }); };
    try {
      for await (const { event, data } of stream) {
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

  /** After a stop the server keeps what there was of the answer; take that and its version. */
  async catchUp(shown, keep) {
    const { id, version } = this;
    this.version = null;
    for (let tried = 0; id !== null && tried < TRIES && this.id === id && !this.isWriting; tried += 1) {
      await pause(BETWEEN_TRIES_MS);
      const record = await ask("GET", pathOf(id)).catch(() => null);
      if (record === null || record.version === version || this.id !== id || this.isWriting) continue;
      this.version = record.version;
      if (record.turns.length === keep + 1) shown.draw({ ...record.turns[keep] });
      return;
    }
  }

  troubleOf(error, shown) {
    const again = { does: "Try again", act: () => this.retry(shown) };
    if (error.status === CHANGED) {
      return { text: "Another tab has changed this conversation. Your question is kept.", does: "Load the conversation again", act: () => this.reload(shown) };
    }
    if (error.status === NOT_FOUND) {
      return { text: "This conversation was deleted. Your question is kept.", does: "Ask it in a new conversation", act: () => this.askElsewhere(shown) };
    }
    return { text: error.status === GONE ? `${error.message} Your question is kept.` : error.message, ...again };
  }

  async retry(shown) {
    if (this.isWriting) return;
    const { turn } = shown;
    this.version = null;
    await this.askAgain(turn, turn.question);
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

function saidOf({ answer, sources }) {
  const words = answer.split(/\s+/).filter(Boolean).length;
  return `The answer is there: ${words} words, ${sources.length} passages.`;
}

/** Put turns before those that are there. What is seen stays where it is; the newest turn is what is seen first. */
function putInFront(elements, isNewest) {
  const talk = byId("talk");
  const before = talk.scrollHeight;
  byId("turns").prepend(...elements);
  if (isNewest) elements.at(-1)?.scrollIntoView({ block: "start" });
  else talk.scrollTop += talk.scrollHeight - before;
}
