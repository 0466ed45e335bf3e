"""The sentences of an answer, which is markdown and comes in pieces: each as soon as it is complete, with its signs."""

import regex

from understudy.passages.cutting import SHORTEST_SENTENCE
from understudy.passages.terms import length_in_words, words_in

CLOSING = r"[\"'”’“‘»›«」』)\]*_`]*"
# Abbreviations that a number or a name follows.
NO_ABBREVIATION = (
    r"(?!(?<=\b(?i:approx|ca|env|nr|no|vol|fig)\.)\s+\p{Nd})"
    r"(?<!\b(?:vs|e\.g|i\.e|bzw|bspw|evtl|Dr|Dra|Mr|Mrs|Ms|Prof|St|Sr|Sra)\.)"
)
# A full stop or the like, what closes behind it, and what begins next: no small letter, which goes on after an abbreviation.
# A run of signs is tried once, from its beginning: a model that repeats one would else hold up all others.
ENDS = regex.compile(
    rf"(?:(?<![.!?…؟।॥])[.!?…؟।॥]++{NO_ABBREVIATION}{CLOSING}\s+(?=[^\s\p{{Ll}}])|(?<![。！？])[。！？]++{CLOSING}(?=[^\s。！？]))"
)
# An initial or a number before a full stop ends nothing: J. Smith, 1. Water.
NO_END = regex.compile(r"(?:^|[\s(>#*_-])(?:\p{L}|\p{Nd}{1,2})\.$")
LONGEST_NO_END = 4
# A model that doesn't end its sentence is cut.
LONGEST = 1_000
BLOCK_SIGNS = r"^\s*(?:>\s*)*(?:#{1,6}\s+|[-*+•|]\s+)*(?:[*_]{0,2}\p{Nd}{1,3}(?:[.):]|\s+[-–—|])[*_]{0,2}\s+)?"
# What markdown shows nothing of: block signs, emphasis, code, the brackets and the target of a link, borders of a table.
# A passage's number and an address say nothing of the talks, either.
REFERENCES = r"(?i:\bpassages?\s\p{Nd}+)|\[\p{Nd}{1,2}\](?!\()|https?://[^\s)]+"
SIGNS = regex.compile(
    rf"{BLOCK_SIGNS}|{REFERENCES}|\*+|(?<!\w)_+|_+(?!\w)|[`~|]+|!?\[(?=[^\]]*\]\()|\]\([^)\s]*(?:\s+\"[^\"]*\")?\)"
)


def sentences_of(answer: str) -> list[str]:
    """The sentences, list items and headings of a whole answer."""
    stream = SentenceStream()
    return stream.feed(answer) + stream.end()


def without_signs(sentence: str) -> str:
    """The sentence as it is read, as long as before: spaces in the place of markdown's signs."""
    return SIGNS.sub(lambda sign: " " * len(sign.group()), sentence)


class SentenceStream:
    """Takes an answer piece by piece. A line ends a sentence, whatever it ends with."""

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, piece: str) -> list[str]:
        """The sentences that are complete with this piece; each is given once, in their order."""
        self._waiting += piece
        *lines, self._waiting = self._waiting.split("\n")
        found = [sentence for line in lines for sentence in self._of_line(line)]
        *complete, self._waiting = self._pieces(self._waiting)
        return found + said(complete)

    def end(self) -> list[str]:
        """What is left when nothing more comes."""
        rest, self._waiting = self._waiting, ""
        return self._of_line(rest)

    def _of_line(self, line: str) -> list[str]:
        return said(self._pieces(line))

    def _pieces(self, line: str) -> list[str]:
        """The line cut behind each complete sentence; the last piece is what begins behind them."""
        pieces, first = [], 0
        for end in ENDS.finditer(line):
            sentence = line[first : end.end()]
            if not has_no_end(sentence) and length_in_words(sentence) >= SHORTEST_SENTENCE:
                pieces.append(sentence)
                first = end.end()
        rest = line[first:]
        while len(rest) > LONGEST:
            at = rest.rfind(" ", 1, LONGEST) + 1 or LONGEST
            pieces.append(rest[:at])
            rest = rest[at:]
        return [*pieces, rest]


def has_no_end(sentence: str) -> bool:
    """Whether the full stop at the end is that of an initial or a number. Only the end is looked at."""
    text = sentence.rstrip()
    return NO_END.search(text, max(0, len(text) - LONGEST_NO_END)) is not None


def said(pieces: list[str]) -> list[str]:
    """The pieces that have a word."""
    return [piece.strip() for piece in pieces if words_in(piece)]
