"""How close an answer is to its reference: in letters (chrF), in words (ROUGE-L), and beside the references of other questions.

chrF and ROUGE-L are a few lines each. The libraries bring four packages for the one (sacrebleu: lxml, portalocker, colorama) and
for the other NLTK and a release of 2022 that splits English only; tests/oracles/ has what both say."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from understudy.text.words import words_of

LONGEST_RUN_OF_LETTERS = 6
RECALL_WEIGHT = 2


def chrf(answer: str, reference: str) -> float:
    """The F-score of runs of 1 to 6 letters without spaces, recall weighing twice, 0 to 100.

    chrF2 of Popović 2015 (W15-3049), with what sacrebleu 2 does when a text is shorter than a run: that length is left out."""
    texts = ["".join(text.split()) for text in (answer, reference)]
    precisions, recalls = [], []
    for size in range(1, min(LONGEST_RUN_OF_LETTERS, *map(len, texts)) + 1):
        ours, theirs = (Counter(text[at : at + size] for at in range(len(text) - size + 1)) for text in texts)
        shared = (ours & theirs).total()
        precisions.append(shared / ours.total())
        recalls.append(shared / theirs.total())
    return 100 * f_score(float(np.mean(precisions)), float(np.mean(recalls)), RECALL_WEIGHT) if precisions else 0.0


def rouge_l(answer: str, reference: str) -> float:
    """The F-score of the longest common subsequence of words, 0 to 1. Lin 2004 (W04-1013), section 3.1, with beta 1."""
    ours, theirs = words_of(answer), words_of(reference)
    if not ours or not theirs:
        return 0.0
    shared = longest_common_subsequence(ours, theirs)
    return f_score(shared / len(ours), shared / len(theirs), 1)


def f_score(precision: float, recall: float, beta: float) -> float:
    weighed = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / weighed if weighed else 0.0


def longest_common_subsequence(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """The length, by one addition of bit rows a word: Hyyrö, Bit-parallel LCS-length computation revisited (AWOCA 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(ours):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(ours)) - 1
    row = everything
    for word in theirs:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(ours) - row.bit_count()


def nearness_to_own_reference(
    answers: Sequence[str], references: Sequence[str], video_ids: Sequence[str]
) -> np.ndarray:
    """For each row, the share of other videos' references that the answer is less like than its own, ties half: 0 to 1.

    0.5 is what an answer to another question has, however well it sounds. Likeness is the cosine of tf-idf vectors of words.
    Rows without another video to compare with have 0.5."""
    vectors = TfidfVectorizer(analyzer=words_of, sublinear_tf=True).fit(references)
    likeness = (vectors.transform(answers) @ vectors.transform(references).T).toarray()
    own = likeness.diagonal()[:, None]
    is_other = np.asarray(video_ids)[:, None] != np.asarray(video_ids)[None, :]
    beaten = ((likeness < own) + 0.5 * (likeness == own)) * is_other
    others = is_other.sum(axis=1)
    return np.divide(beaten.sum(axis=1), others, out=np.full(len(own), 0.5), where=others > 0)
