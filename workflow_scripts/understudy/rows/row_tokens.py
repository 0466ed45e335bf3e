"""A row as the tokens that are learned from: what the chat template writes of it, up to the end of the answer's turn.

Some templates write a prompt that is not the row's beginning: Gemma 4's has an empty thought before an answer and none in a row;
and the tokenizer joins white space at a prompt's end with the answer. Such a row is put together of the prompt, the answer and
the end of its turn: what the model is asked, and what it has to write."""

import re
from dataclasses import dataclass

from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.datasets import ChatDataset

Messages = list[dict[str, str]]
QUESTION, ANSWER = "Kquestion0Z", "Kanswer0Z"
# A thought that is over before the answer begins.
THOUGHT = re.compile(r"<think>.*?</think>|<\|channel>.*?<channel\|>|\[THINK\].*?\[/THINK\]", re.DOTALL)


class RowNotWritten(ValueError):
    """No row can be put together of what the chat template writes."""


@dataclass(frozen=True)
class Ending:
    """What ends an answer: `written` by the chat template, `token` in it that ends the turn, None where there is none; then
    `added` is the tokenizer's own end token, which the rows get."""

    written: str
    token: int | None
    added: str


UNKNOWN = Ending("", None, "")


def ending_of(tokenizer: TokenizerWrapper) -> Ending:
    """Derive it from a conversation under the chat template; nothing is known of a template that doesn't take it."""
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    try:
        _, answer, written = tokenizer.apply_chat_template(messages, tokenize=False).rpartition(ANSWER)
    except Exception:  # A template is a program: it may raise anything.
        return UNKNOWN
    if not answer:
        return UNKNOWN
    added = tokenizer.added_tokens_decoder
    tokens = tokenizer.encode(written, add_special_tokens=False)
    token = next((number for number in tokens if number in added and added[number].content.strip()), None)
    return Ending(written, token, "" if token is not None else tokenizer.eos_token or "")


def without_thoughts(text: str) -> str:
    """Return what is before an answer without thoughts, and without the white space at its end."""
    return THOUGHT.sub("", text).rstrip()


class RowTokens:
    """Rows under the chat template of `tokenizer`. All methods pass on what the template raises."""

    def __init__(self, tokenizer: TokenizerWrapper):
        self.tokenizer = tokenizer
        self.ending = ending_of(tokenizer)

    def prompt(self, messages: Messages) -> list[int]:
        """Return the tokens after which the last message is answered."""
        return self.tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)

    def tokens(self, messages: Messages) -> tuple[list[int], int]:
        """Return the row's tokens, and how many of them are the prompt's.

        Raises RowNotWritten if the template writes the question in the row in a way that no answer can be put after."""
        whole, prompt = self.tokenizer.apply_chat_template(messages, return_dict=False), self.prompt(messages)
        if whole[: len(prompt)] != prompt:
            whole = [*prompt, *self._encoded(self._answer_and_end(messages))]
        return [*whole, *self._encoded(self.ending.added)], len(prompt)

    def pieces(self, messages: Messages) -> list[str]:
        """Return the row as text, in the pieces of which each is tokenized by itself."""
        whole, prompt = self.tokenizer.apply_chat_template(messages, return_dict=False), self.prompt(messages)
        if whole[: len(prompt)] == prompt:
            return [self._text(messages) + self.ending.added]
        question = self.tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
        return [question, self._answer_and_end(messages) + self.ending.added]

    def _answer_and_end(self, messages: Messages) -> str:
        text, content = self._text(messages), messages[-1]["content"]
        question = self.tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
        # Templates trim.
        for answer in (content, content.strip()):
            end = answer + self.ending.written
            if text.endswith(end) and without_thoughts(text.removesuffix(end)) == without_thoughts(question):
                return end
        raise RowNotWritten

    def _text(self, messages: Messages) -> str:
        return self.tokenizer.apply_chat_template(messages, tokenize=False)

    def _encoded(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []


class RowDataset(ChatDataset):
    """mlx_lm's data set of chats, of rows as RowTokens makes them."""

    def __init__(self, rows: list[dict], row_tokens: RowTokens, mask_prompt: bool):
        super().__init__(rows, row_tokens.tokenizer, mask_prompt=mask_prompt)
        self.row_tokens = row_tokens

    def process(self, row: dict) -> tuple[list[int], int]:
        """Return the tokens and how many of them are not learned from."""
        tokens, prompt_length = self.row_tokens.tokens(row["messages"])
        return tokens, prompt_length if self.mask_prompt else 0
