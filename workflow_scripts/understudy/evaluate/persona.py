"""What a prompt alone can do: the base with a good system prompt and typical pairs of the training as an example."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jinja2 import TemplateError
from sklearn.feature_extraction.text import TfidfVectorizer

from understudy.evaluate.row_reading import Messages, RowReader
from understudy.passages.frame import question_of
from understudy.rows.chat import chat_row, talks_by_pair
from understudy.shared.files import read_json_lines
from understudy.text.words import words_of

EXAMPLES = 5
# Of an answer of usual length, in percent of all.
USUAL_LENGTH = (25, 75)


def typical_pairs(train: str, pairs: str, number: int = EXAMPLES) -> list[tuple[str, str]]:
    """Up to `number` questions with their answers from the training rows of the talks, without passages: those whose answers, of
    usual length, are most like all others by the cosine of tf-idf vectors of words; of each talk one, while there are others."""
    talks = talks_by_pair(pairs)
    rows = [tuple(message["content"] for message in row["messages"][-2:]) for _, row in read_json_lines(train)]
    known = [row for row in dict.fromkeys(rows) if row in talks and question_of(row[0]) == row[0] and words_of(row[1])]
    if not known:
        return []
    nearest = [known[place] for place in nearest_to_all([answer for _, answer in known])]
    turns: Counter = Counter()
    in_turn = []
    for row in nearest:
        talk = talks[row] or row
        in_turn.append((turns[talk], row))
        turns[talk] += 1
    chosen = [row for _, row in sorted(in_turn, key=lambda each: each[0])[:number]]
    return sorted(chosen, key=known.index)


def nearest_to_all(answers: Sequence[str]) -> list[int]:
    """The places of the answers of usual length, the most typical first; of all, where too few have it."""
    lengths = np.array([len(words_of(answer)) for answer in answers])
    low, high = np.percentile(lengths, USUAL_LENGTH)
    vectors = TfidfVectorizer(analyzer=words_of, sublinear_tf=True).fit_transform(answers)
    likeness = vectors @ np.asarray(vectors.mean(axis=0)).ravel()
    nearest = np.argsort(-likeness, kind="stable").tolist()
    usual = [place for place in nearest if low <= lengths[place] <= high]
    return usual if len(usual) >= EXAMPLES else nearest


def persona_messages(persona: str, pairs: Sequence[tuple[str, str]], question: str, has_system: bool) -> Messages:
    """A conversation that opens with the persona and the pairs, and ends with the question. Where the chat template takes no
    system message, the persona stands before the first question."""
    talk = [message for pair in pairs for message in chat_row(*pair)["messages"]]
    talk.append({"role": "user", "content": question})
    if has_system:
        return [{"role": "system", "content": persona}, *talk]
    return [{"role": "user", "content": f"{persona}\n\n{talk[0]['content']}"}, *talk[1:]]


def takes_system(reader: RowReader) -> bool:
    """Whether the chat template writes a system message: some raise an error, some leave it out."""
    asked = [{"role": "user", "content": "Why?"}]
    try:
        return reader.prompt([{"role": "system", "content": "Be kind."}, *asked]) != reader.prompt(asked)
    except (TemplateError, OSError):
        return False
