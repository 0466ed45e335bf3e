"""What a model's chat template writes around the messages, as the template that Ollama takes.

Ollama doesn't run Jinja. Its Modelfile has a Go template (https://docs.ollama.com/modelfile, Go's package text/template), which
gets all system messages as .System and the conversation as .Messages, neighbours of one role merged into one. Here the Jinja
template is rendered with marks for messages, and what lies between the marks is what the Go template has to write."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

Messages = list[dict[str, str]]
MARKS = {"system": "Ksystem0Z", "user": "Kquestion{}Z", "assistant": "Kanswer{}Z"}
SYSTEM = "Answer as a gardener.\nBe brief."
QUESTIONS = ("How do I water?", 'What is "{{ it }}"?\n\n- `a < b`\n- **é**, 水', "Why?")
ANSWERS = ("With a **can**.\n\n1. Slowly.", "{% It %} is </it>.")


class NotDerivable(Exception):
    """No Go template of this form writes what the chat template writes."""


@dataclass(frozen=True)
class ChatFrame:
    """The texts around the messages of a conversation that ends with a question.

    `opening` comes before the first question. A system message comes between `before_system` and `after_system`, both before the
    first question in place of `opening`; with `system_is_last`, it and `after_system` right before the last question. None for
    a template that takes no system message."""

    opening: str
    answer_begins: str
    answer_ends: str
    prompt_ends: str
    before_system: str | None = None
    after_system: str | None = None
    system_is_last: bool = False

    def without_beginning(self, token: str | None) -> "ChatFrame":
        """The frame for a program that writes `token`, a text's beginning, by itself."""
        if not token:
            return self
        before_system = self.before_system and self.before_system.removeprefix(token)
        return replace(self, opening=self.opening.removeprefix(token), before_system=before_system)

    def prompt(self, messages: Messages) -> str:
        """What the template writes: `messages` are a system message or none, then questions and answers by turns."""
        system = messages[0]["content"] if messages[0]["role"] == "system" else None
        texts = [message["content"] for message in messages if message["role"] != "system"]
        opening = self.opening
        if system and self.system_is_last:
            texts[-1] = f"{system}{self.after_system}{texts[-1]}"
        elif system:
            opening = f"{self.before_system}{system}{self.after_system}"
        between = [self.answer_begins, self.answer_ends] * len(texts)
        turns = "".join(text for pair in zip(texts, [*between[: len(texts) - 1], ""], strict=True) for text in pair)
        return f"{opening}{turns}{self.prompt_ends}"

    def go_template(self) -> str:
        """The same as a Go template; a last message of the assistant is gone on with, as Ollama's own templates do."""
        opening, system = go_text(self.opening), ""
        if self.system_is_last:
            system = f"{{{{ if and $last $.System }}}}{{{{ $.System }}}}{go_text(self.after_system)}{{{{ end }}}}"
        elif self.before_system is not None:
            with_system = f"{go_text(self.before_system)}{{{{ .System }}}}{go_text(self.after_system)}"
            opening = f"{{{{ if .System }}}}{with_system}{{{{ else }}}}{opening}{{{{ end }}}}"
        return (
            f"{opening}{{{{ range $i, $_ := .Messages }}}}{{{{ $last := eq (len (slice $.Messages $i)) 1 }}}}"
            f'{{{{ if eq .Role "user" }}}}{system}{{{{ .Content }}}}'
            f"{{{{ if $last }}}}{go_text(self.prompt_ends)}{{{{ end }}}}"
            f'{{{{ else if eq .Role "assistant" }}}}{go_text(self.answer_begins)}{{{{ .Content }}}}'
            f"{{{{ if not $last }}}}{go_text(self.answer_ends)}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}"
        )


def chat_frame(render: Callable[[Messages], str]) -> ChatFrame:
    """Derive the frame of a chat template; `render` writes the prompt of a conversation with it, and may raise anything.

    Raises NotDerivable, with the reason, unless the frame writes what `render` does for conversations of several lengths."""
    opening, prompt_ends = between_marks(render, conversation(1))
    answer_begins, answer_ends = between_marks(render, conversation(2))[1:3]
    frame = ChatFrame(opening, answer_begins, answer_ends, prompt_ends, *place_of_system(render, opening))
    for messages in conversations_to_compare(with_system=frame.after_system is not None):
        if frame.prompt(messages) != rendered(render, messages):
            raise NotDerivable(f"what it writes depends on more than the roles: {describe(messages)} differs")
    if any(0xD800 <= ord(mark) < 0xE000 for mark in frame.go_template()):
        raise NotDerivable("it has characters that are no text")
    return frame


def place_of_system(render: Callable[[Messages], str], opening: str) -> tuple[str | None, str | None, bool]:
    """Where a system message goes: before_system, after_system, system_is_last."""
    try:
        text = rendered(render, conversation(1, system=True))
    except NotDerivable:
        return None, None, False
    if MARKS["system"] not in text:
        return None, None, False
    before_system, after_system = between_marks(render, conversation(1, system=True))[:2]
    first_question, system = (rendered(render, conversation(2, system=True)).find(mark) for mark in marks_of(1, True))
    return before_system, after_system, before_system == opening and system > first_question


def marks_of(questions: int, system: bool) -> list[str]:
    marks = [MARKS["user"].format(number) for number in range(questions)]
    return [*marks, MARKS["system"]] if system else marks


def conversation(questions: int, system: bool = False) -> Messages:
    """Marks for messages: a system message if asked for, then questions with answers between them."""
    messages = [{"role": "system", "content": MARKS["system"]}] if system else []
    for number in range(questions):
        if number:
            messages.append({"role": "assistant", "content": MARKS["assistant"].format(number)})
        messages.append({"role": "user", "content": MARKS["user"].format(number)})
    return messages


def between_marks(render: Callable[[Messages], str], messages: Messages) -> list[str]:
    """The texts before, between and after the messages.

    Raises NotDerivable unless each message is there once, in order."""
    text = rendered(render, messages)
    marks = [message["content"] for message in messages]
    if re.findall("|".join(marks), text) != marks:
        raise NotDerivable(f"it does not write each message of {describe(messages)} once and in order")
    return re.split("|".join(marks), text)


def rendered(render: Callable[[Messages], str], messages: Messages) -> str:
    try:
        return render(messages)
    except Exception as error:  # A template is a program, and somebody else's.
        raise NotDerivable(f"it can't be rendered for {describe(messages)}: {error}") from None


def describe(messages: Messages) -> str:
    return ", ".join(message["role"] for message in messages)


def conversations_to_compare(with_system: bool) -> list[Messages]:
    """Conversations of one to three questions, with marks that Jinja, Go and markdown read as theirs."""
    found = []
    for count in range(1, len(QUESTIONS) + 1):
        turns = [{"role": "user", "content": QUESTIONS[0]}]
        for question, answer in zip(QUESTIONS[1:count], ANSWERS, strict=False):
            turns += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
        found += [turns, [{"role": "system", "content": SYSTEM}, *turns]] if with_system else [turns]
    return found


def go_text(text: str) -> str:
    """A text inside a Go template inside three quotation marks of a Modelfile; what either would read as its own is escaped.

    Ollama's reader of Modelfiles drops characters that are not printable, so they are escaped too."""
    pieces = ((risky, "".join(marks)) for risky, marks in groupby(text, is_risky))
    return "".join(f'{{{{ "{go_escapes(piece)}" }}}}' if risky else piece for risky, piece in pieces)


def is_risky(mark: str) -> bool:
    return mark in '{"' or not (mark.isprintable() or mark in "\n\t")


def go_escapes(text: str) -> str:
    return "".join(f"\\U{ord(mark):08x}" for mark in text)
