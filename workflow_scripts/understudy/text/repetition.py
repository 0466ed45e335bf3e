"""How much answers repeat themselves, and those that never end or say nothing."""

from understudy.text.loops import compression_ratio
from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import repeated_share, words_of

# A text of which less is left than one part in 2.4 is a loop: the threshold of Whisper's decoder (Radford et al. 2022, arXiv
# 2212.04356, section 4.5). It also sees loops without words, such as dashes.
MOST_COMPRESSED = 2.4


def answer_flaws(answer: str, finish_reason: str, most_repeated: float) -> dict[str, bool]:
    """Return whether an answer is `empty` (no word), `endless` (cut off by the token limit), and `repetitive`: more than
    `most_repeated` of its runs of four words came before, or it compresses like a loop."""
    words = words_of(AnswerMarkdown(answer).visible_text())
    return {
        "empty": not words,
        "endless": finish_reason == "length",
        "repetitive": repeated_share(words) > most_repeated or compression_ratio(answer) > MOST_COMPRESSED,
    }
