"""Proposals for corrections.csv: what in captions sounds like a term of the title, questions and answers that they lack."""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from understudy.passages.terms import common_words, forms_of, normal
from understudy.shared.files import read_json
from understudy.shared.log import log
from understudy.text.corrections import COLUMNS, CORRECTIONS
from understudy.text.language import language_of_talk
from understudy.text.markdown import AnswerMarkdown
from understudy.text.transcripts import OK, Reading
from understudy.text.words import words_of

SHORTEST_TERM, MOST_WORDS = 5, 3
TERM = re.compile(rf"[^\W\d_]{{{SHORTEST_TERM},}}")
# Of two that are alike the one with fewer words.
LESS_A_WORD = 0.05
# From these on, of letters and of consonants, two are alike.
ALIKE_LETTERS, ALIKE_SOUNDS = 0.66, 0.75
# Zipf values: rarer is a term, more common is a word that is not misheard.
RARE, COMMON = 3.5, 4.5
SOUNDS = (("ph", "f"), ("th", "t"), ("ck", "k"), ("qu", "k"), ("sch", "s"), ("ch", "k"), ("sh", "s"), ("x", "ks"))
LIKE = str.maketrans("cqzvwdbgj", "kksfftpks")


class Proposal(NamedTuple):
    """What is heard and what may be meant, how often, and in which talk first."""

    heard: str
    meant: str
    times: int
    title: str


def propose_corrections(data: Path, reading: Reading) -> None:
    """Write lines for corrections.csv to standard output, and of each how often and where to the log."""
    found = proposals_of(data, reading)
    if not found:
        log.info("Nothing in the captions sounds like a term of titles, questions and answers that they lack.")
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if not CORRECTIONS.exists():
        writer.writerow(COLUMNS)
    for each in found:
        writer.writerow((each.heard, each.meant))
        log.info("%s -> %s: %d times, first in %s", each.heard, each.meant, each.times, each.title)
    log.info("Take what is right into %s: understudy corrections >> %s, then edit it.", CORRECTIONS, CORRECTIONS)


def proposals_of(data: Path, reading: Reading) -> list[Proposal]:
    """The proposals of all talks, the most frequent first."""
    times: Counter = Counter()
    first: dict[tuple[str, str], str] = {}
    for video in read_json(data / "videos.json"):
        path = data / "transcripts" / f"{video['video_id']}.json"
        transcript = reading.read(path) if path.exists() else {"status": None}
        if transcript["status"] != OK:
            continue
        for pair, count in misheard_in(transcript, list(texts_beside(data, transcript))).items():
            times[pair] += count
            first.setdefault(pair, transcript["title"])
    return [Proposal(*pair, count, first[pair]) for pair, count in times.most_common()]


def texts_beside(data: Path, transcript: dict) -> Iterator[str]:
    """A talk's title, questions and answers."""
    yield transcript["title"]
    for path in sorted((data / "answers" / transcript["video_id"]).glob("*.json")):
        record = read_json(path)
        yield record["question"] or ""
        yield AnswerMarkdown(record["answer"] or "").visible_text()


def misheard_in(transcript: dict, texts: list[str]) -> Counter:
    """How often each (heard, meant) may be in a talk."""
    language = language_of_talk(transcript)
    common = common_words(language)
    words = words_of(transcript["text"])
    said = {form for word in set(words) for form in forms_of(normal(word), language)}
    terms = {
        word: written
        for written in (found for text in texts for found in TERM.findall(text))
        if common.get(word := written.casefold(), 0.0) < RARE and said.isdisjoint(forms_of(normal(word), language))
    }
    by_sound: dict[str, list[str]] = {}
    for term in terms:
        by_sound.setdefault(sounds_of(term)[:1], []).append(term)
    heard: Counter = Counter(
        tuple(words[at : at + size]) for size in range(1, MOST_WORDS + 1) for at in range(len(words) - size + 1)
    )
    best: dict[str, tuple[float, tuple[str, ...], int]] = {}
    for group, count in heard.items():
        joined = "".join(group)
        if len(joined) < SHORTEST_TERM - 1 or (len(group) == 1 and common.get(joined, 0.0) >= COMMON):
            continue
        sound = sounds_of(joined)
        for term in by_sound.get(sound[:1], ()):
            likeness = likeness_of(joined, sound, term) - LESS_A_WORD * len(group)
            if likeness > 0 and likeness > best.get(term, (0.0,))[0]:
                best[term] = likeness, group, count
    return Counter({(" ".join(group), in_usual_case(terms[term])): count for term, (_, group, count) in best.items()})


def likeness_of(joined: str, sound: str, term: str) -> float:
    """How alike two sound, 0.0 where they don't."""
    if abs(len(joined) - len(term)) > max(2, len(term) // 3):
        return 0.0
    letters = SequenceMatcher(None, joined, term).ratio()
    sounds = SequenceMatcher(None, sound, sounds_of(term)).ratio()
    return letters + sounds if letters >= ALIKE_LETTERS and sounds >= ALIKE_SOUNDS else 0.0


def sounds_of(word: str) -> str:
    """The consonants of a word, those that sound alike as one; a vowel stays at the beginning."""
    plain = word.casefold()
    for written, sound in SOUNDS:
        plain = plain.replace(written, sound)
    plain = plain.translate(LIKE)
    kept = plain[:1] + re.sub(r"[aeiouyhäöüáéíóúàèìòùâêîôû]", "", plain[1:])
    return re.sub(r"(.)\1+", r"\1", kept)


def in_usual_case(written: str) -> str:
    """A term as it stands inside of a sentence: a capital may be that of its beginning."""
    return written if written[1:] != written[1:].lower() else written.lower()
