"""How many tokens a pair has in training: with the base model's own tokenizer and chat template."""

from pathlib import Path

from understudy.models.mlx.load import load_its_tokenizer
from understudy.rows.chat import chat_row
from understudy.rows.row_tokens import RowNotWritten, RowTokens
from understudy.shared.errors import InputFileError


class PairTokens:
    """Counts as the training does, which cuts a row at `max_seq_length`."""

    def __init__(self, base_folder: str | Path):
        """Raises InputFileError if the folder has no tokenizer, or its tokenizer no chat template."""
        self._tokenizer = load_its_tokenizer(base_folder)
        if not self._tokenizer.has_chat_template:
            raise InputFileError(
                f"{base_folder}: the tokenizer has no chat template. Choose an instruct model as base_model."
            )
        self._rows = RowTokens(self._tokenizer)

    def __call__(self, question: str, answer: str) -> int:
        """Tokens of the whole row."""
        return self.of_messages(chat_row(question, answer)["messages"])

    def of_messages(self, messages: list[dict[str, str]]) -> int:
        try:
            return len(self._rows.tokens(messages)[0])
        except RowNotWritten:  # Which the training explains, with the row's file and line.
            return len(self._tokenizer.apply_chat_template(messages, return_dict=False))

    def of_text(self, text: str) -> int:
        """Tokens of a text alone."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def control_tokens(self) -> list[str]:
        """The texts that the tokenizer takes for tokens which steer the model, wherever they stand."""
        return sorted(token.content for token in self._tokenizer.added_tokens_decoder.values() if token.special)
