"""What the pairs are about: clusters by words, named by their most telling terms, beside what the talks have."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from understudy.passages.terms import common_words, forms_and_words, is_number, weight_of, words_in
from understudy.text.language import language_of_talk

# About as many words of a talk as an answer rests on.
WORDS_OF_A_PIECE = 150
# More pieces than these are drawn from evenly.
MOST_PIECES = 20_000
FEWEST_TEXTS, MOST_TOPICS, TEXTS_OF_A_TOPIC = 12, 24, 12
TERMS_OF_A_NAME = 4
# Of a word's weight by how rare it is: more frequent ones belong to every topic.
LEAST_WEIGHT = 0.6
# A topic of so many pieces that no pair is about is missing; fewer may be a digression.
FEWEST_PIECES = 2


def topics_of(pairs: pd.DataFrame, transcripts: Sequence[dict]) -> tuple[list[dict], list[str | None]]:
    """Return the topics, the largest first, and for each row of `pairs` its topic's terms, None where there are too few texts
    for topics.

    A topic has number, terms, pieces (of talks), pairs (kept), held_out (kept pairs that are not trained on), and talks: the
    ids of the videos with most of its pieces. Pieces and pairs are clustered together: a topic may have no pair."""
    languages = {record["video_id"]: language_of_talk(record) for record in transcripts if record["text"]}
    pieces = drawn(
        [(record["video_id"], text) for record in transcripts if record["text"] for text in cut(record["text"])]
    )
    asked = [
        (video_id, f"{question}\n{answer}")
        for video_id, question, answer in pairs[["video_id", "question", "answer"]].itertuples(index=False)
    ]
    usual = next(iter(Counter(languages.values()).most_common(1)), (None, 0))[0]
    texts = [telling_terms(text, languages.get(video_id, usual)) for video_id, text in [*pieces, *asked]]
    count = min(MOST_TOPICS, len(texts) // TEXTS_OF_A_TOPIC)
    if len(texts) < FEWEST_TEXTS or count < 2:
        return [], [None] * len(pairs)
    try:
        vectorizer = TfidfVectorizer(analyzer=stems_of, min_df=2, max_df=0.5, sublinear_tf=True)
        matrix = vectorizer.fit_transform(texts)
    except ValueError:
        # No term is in two texts.
        return [], [None] * len(pairs)
    labels = KMeans(count, random_state=0, n_init=5).fit_predict(matrix)
    names = vectorizer.get_feature_names_out()
    whole = whole_words(texts)
    of_pieces, of_pairs = labels[: len(pieces)], labels[len(pieces) :]
    kept = (pairs["verdict"] == "ok").to_numpy(bool)
    held_out = kept & pairs["split"].isin(["valid", "test"]).to_numpy(bool)
    topics = []
    for label in np.unique(labels):
        weights = np.asarray(matrix[labels == label].mean(axis=0)).ravel() - np.asarray(matrix.mean(axis=0)).ravel()
        best = [
            str(names[place]) for place in np.argsort(-weights, kind="stable")[:TERMS_OF_A_NAME] if weights[place] > 0
        ]
        talks = Counter(video_id for (video_id, _), of in zip(pieces, of_pieces, strict=True) if of == label)
        topics.append(
            {
                "label": int(label),
                "terms": [whole.get(term, term) for term in best],
                "pieces": int((of_pieces == label).sum()),
                "pairs": int((kept & (of_pairs == label)).sum()),
                "held_out": int((held_out & (of_pairs == label)).sum()),
                "talks": [video_id for video_id, _ in talks.most_common(3)],
            }
        )
    topics.sort(key=lambda topic: (-topic["pairs"], -topic["pieces"], topic["label"]))
    number_of = {topic.pop("label"): number for number, topic in enumerate(topics, 1)}
    numbered = [{"number": number, **topic} for number, topic in enumerate(topics, 1)]
    return numbered, [", ".join(topics[number_of[int(label)] - 1]["terms"]) for label in of_pairs]


def telling_terms(text: str, language: str | None) -> list[tuple[str, str]]:
    """The stems that say a subject, each with its word: no numbers, and no words that are frequent in the language."""
    common = common_words(language)
    return [
        (form, words[0])
        for form, words in forms_and_words(text, language)
        if len(form) > 1
        and not is_number(form)
        and weight_of(max(common.get(word, 0.0) for word in words)) >= LEAST_WEIGHT
    ]


def stems_of(terms: list[tuple[str, str]]) -> list[str]:
    return [form for form, _ in terms]


def whole_words(texts: list[list[tuple[str, str]]]) -> dict[str, str]:
    """The most frequent word of each stem, to name it by."""
    counts: dict[str, Counter] = {}
    for form, word in (each for terms in texts for each in terms):
        counts.setdefault(form, Counter())[word] += 1
    return {form: min(of, key=lambda word: (-of[word], word)) for form, of in counts.items()}


def cut(text: str) -> list[str]:
    """A talk in pieces of WORDS_OF_A_PIECE words."""
    ends = [*[end for _, end in words_in(text)][WORDS_OF_A_PIECE - 1 :: WORDS_OF_A_PIECE], len(text)]
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True) if text[start:end].strip()]


def drawn(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """All pieces, or of more than MOST_PIECES every n-th."""
    return pieces[:: -(-len(pieces) // MOST_PIECES)] if pieces else []


def wanting(topics: list[dict]) -> dict[str, list[int]]:
    """The numbers of topics that the talks have and no pair is about, and of those without a held-out row."""
    return {
        "without_pairs": [each["number"] for each in topics if not each["pairs"] and each["pieces"] >= FEWEST_PIECES],
        "not_held_out": [each["number"] for each in topics if each["pairs"] and not each["held_out"]],
    }
