"""Find the passages of the talks that answer a question: by words, and by meaning if there are vectors.

Units are looked up first; then each sentence around the best of them is scored by how well the runs of 30, 60 and 100 words that
it lies in match, so that a short fact and a long explanation both stand out at their own length. Passages grow around the best
sentences until they hold BUDGET words together, then the next ones do."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.passages.cutting import UNIT
from understudy.passages.growing import Growing, Place, Sentences, places_of, run_ends, spread, sums
from understudy.passages.sources import Passage, link_to
from understudy.passages.store import Store, read_totals
from understudy.passages.terms import IS_PAIRED, forms_and_words, is_number, weight_of
from understudy.passages.vectors import EmbedderError, UnitVectors
from understudy.shared.log import log

if TYPE_CHECKING:
    # It brings the client of a server, which takes half a second to load.
    from understudy.passages.embedder import Embedder

# Words of a run of sentences that is scored as one.
RUNS = (30, 60, 100)
# Okapi BM25 (Robertson and Zaragoza 2009); runs of one size differ little in length.
K1, B = 1.2, 0.4
CANDIDATES = 100
# What a term counts that begins like the one asked for, and how many letters it may have more or less.
OTHER_FORM, MORE_LETTERS, SHORTEST_FORM = 0.5, 3, 3
LAST_CHARACTER = "\U0010ffff"
# Of frequent words only so many units are looked at: rarer words of the question choose them.
MOST_MATCHES = 25_000
# Units that are read to see how often talks have a word.
MOST_READ = 200
# Sentences read on each side of a candidate.
AROUND = 8
# A passage doesn't go on over a longer silence.
LONGEST_GAP_S = 15.0
# The best units by meaning say more exactly what is meant, half as loud as the question (Rocchio 1971).
FEEDBACK_UNITS, FEEDBACK = 5, 0.5

# Terms of the index: in how many units each occurs, and what it counts.
Terms = dict[str, tuple[int, float]]


class Search:
    """An open index, asked any number of times. `embedder` is that of the index, or None to search by words alone."""

    def __init__(self, store: Store, embedder: "Embedder | None" = None):
        self.store = store
        self.embedder = embedder
        self.totals = read_totals(store)
        self.languages = [language for language, _ in self.totals["languages"]]
        self._vectors = None if embedder is None else UnitVectors(store, embedder.name)
        self._has_turns = store.has_turns()

    def passages(
        self, question: str, before: str | None = None, limit: int = 50, with_others: bool = False
    ) -> list[Passage]:
        """The passages for a question, best first; `before` is the question that it follows in a conversation.

        What others than the teacher say only leads to what the teacher says, unless `with_others`.
        Raises IndexFault if the index is broken where it is read."""
        asked = joined(question, before)
        terms = self.terms(asked)
        meaning = self._meaning(asked, question)
        units = self.units(terms, None if meaning is None else meaning[0])
        if not units:
            return []
        sentences, titles = self.read(units)
        scores, begins = self._scored(sentences, titles, terms, None if meaning is None else meaning[1])
        if not with_others:
            leave_out_others(sentences, scores, begins)
        return self.as_passages(sentences, places_of(sentences, scores, begins, limit))

    def best_sentences(
        self, question: str, before: str | None, passages: Iterable[Passage], most_words: int
    ) -> list[Passage]:
        """The sentences of passages that answer a question best, whole, each a passage of its own: around the best places, those
        of a place in their order, at most so many words together."""
        units = self.units_of(passages)
        if not units:
            return []
        asked = joined(question, before)
        meaning = self._meaning(asked, question)
        sentences, titles = self.read(units, 0)
        scores, begins = self._scored(sentences, titles, self.terms(asked), None if meaning is None else meaning[1])
        leave_out_others(sentences, scores, begins)
        scores[sentences.words > most_words] = 0
        places = Growing(sentences, scores, begins, most_words).read_together()
        numbers = (number for place in places for number in range(place.first, place.end))
        single = [Place(number, number + 1, int(sentences.words[number]), float(scores[number])) for number in numbers]
        return self.as_passages(sentences, single)

    def _scored(
        self, sentences: Sentences, titles: dict[int, list[str]], terms: Terms, vector: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What each sentence is worth for a question, and whether a passage may begin with it."""
        scores = self._scores_by_words(sentences, terms, titles)
        begins = np.array([not terms.keys().isdisjoint(row) for row in sentences.terms])
        if vector is None:
            return scores, begins
        by_meaning = self._scores_by_meaning(sentences, vector)
        return scores + by_meaning, begins | (by_meaning > 0)

    def terms(self, question: str) -> Terms:
        """The terms of the index that a question is looked up by: in how many units each occurs, and what it counts.

        Beside the question's own terms those that begin alike, which another form of the word may have, count in part."""
        weights = self.weights(question)
        found: Terms = {}
        for form, weight in weights.items():
            for term, count in self.terms_like(form):
                counts = weight if term == form else weight * OTHER_FORM
                if term not in weights or term == form:
                    found[term] = (count, max(counts, found.get(term, (0, 0.0))[1]))
        return found

    def weights(self, text: str) -> dict[str, float]:
        """What each form of a text counts, by how common its word is; function words don't."""
        weights: dict[str, float] = {}
        for language in self.languages or [None]:
            for form, words in forms_and_words(text, language):
                query = "SELECT coalesce(max(zipf), 0) FROM common WHERE language = ? AND word IN (?, ?)"
                zipf = 0.0 if is_number(form) else self.store.rows(query, language, *words)[0][0]
                weight = weight_of(zipf)
                if weight:
                    weights[form] = max(weight, weights.get(form, 0.0))
        return weights

    def read_by_words(self, terms: Terms) -> tuple[Sentences, dict[int, list[str]]] | None:
        """The sentences around the best units by words, and the terms of each of their talks' titles; None where no unit has a
        term."""
        units = self.units(terms, None)
        return self.read(units) if units else None

    def nearest(self, texts: list[str]) -> np.ndarray | None:
        """The greatest cosine of each text with a unit that is not mostly another's claims; None without vectors, or, with
        a warning, if nobody can be asked."""
        if self._vectors is None or not self.totals["units"]:
            return None
        try:
            return self._vectors.greatest_cosines(self.embedder.questions(texts), self._units_of_others())
        except EmbedderError as error:
            log.warning("Warning: searched by words alone. %s", error)
            return None

    def _units_of_others(self) -> np.ndarray:
        """The ids of the units of which more than two thirds of the words are claims of others than the teacher."""
        if not self._has_turns:
            return np.array([], int)
        query = (
            "SELECT units.id FROM units JOIN sentences ON sentences.talk = units.talk "
            'AND sentences.place >= first AND sentences.place < "end" '
            "LEFT JOIN turns ON turns.talk = units.talk AND turns.place = sentences.place "
            "WHERE units.talk IN (SELECT talk FROM turns) "
            "GROUP BY units.id "
            "HAVING 3 * sum(words * (coalesce(is_others, 0) AND text NOT GLOB '*[?？؟]*')) > 2 * sum(words)"
        )
        return np.array([unit for (unit,) in self.store.rows(query)], int)

    def terms_like(self, form: str) -> list[tuple[str, int]]:
        """The form, and terms that have a few letters more or less at their end; in how many units each occurs."""
        if IS_PAIRED.match(form) and len(form) == 1:
            query = "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?"
            return self.store.rows(query, form, form + LAST_CHARACTER)
        if len(form) < SHORTEST_FORM or IS_PAIRED.match(form) or is_number(form):
            return self.store.rows("SELECT term, doc FROM vocabulary WHERE term = ?", form)
        longer = self.store.rows(
            "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?", form, form + LAST_CHARACTER
        )
        letters = MORE_LETTERS if len(form) > SHORTEST_FORM else 1
        alike = [(term, count) for term, count in longer if len(term) - len(form) <= letters]
        for length in range(max(SHORTEST_FORM + 1, len(form) - MORE_LETTERS), len(form)):
            alike += self.store.rows("SELECT term, doc FROM vocabulary WHERE term = ?", form[:length])
        return alike

    def _meaning(self, asked: str, question: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The best units' ids by meaning, and the vector that sentences are compared with: the question's (in a conversation that
        of the last one and that of both, added), with the best units' added. None, with a warning, if nobody can be asked."""
        vector = self.vector(asked)
        if vector is not None and asked != question:
            other = self.vector(question)
            vector = None if other is None else with_length_1(vector + other)
        if vector is None:
            return None
        best = self.units_like(vector)
        nearest = self._vectors.of_units(best[:FEEDBACK_UNITS])
        return best, with_length_1(vector + FEEDBACK * nearest.mean(axis=0))

    def vector(self, text: str) -> np.ndarray | None:
        """A text's vector; None without an embedder or units, or, with a warning, if nobody can be asked."""
        if self._vectors is None or not self.totals["units"]:
            return None
        try:
            return self.embedder.question(text)
        except EmbedderError as error:
            log.warning("Warning: searched by words alone. %s", error)
            return None

    def units_like(self, vector: np.ndarray) -> np.ndarray:
        """The ids of the best units by meaning."""
        return self._vectors.ids[greatest(self._vectors.cosines(vector), CANDIDATES)]

    def units(
        self, terms: Terms, by_meaning: np.ndarray | None, candidates: int = CANDIDATES
    ) -> list[tuple[int, int, int, int]]:
        """The units (id, talk, first sentence, end) that may hold the answer: the best by words, and those given."""
        chosen = self._by_words(terms, candidates)
        if by_meaning is not None:
            chosen += by_meaning.tolist()
        return self._rows_with('SELECT id, talk, first, "end" FROM units WHERE id IN ({}) ORDER BY talk, first', chosen)

    def _by_words(self, terms: Terms, candidates: int) -> list[int]:
        wanted, matches = [], 0
        for term, (count, _) in sorted(terms.items(), key=lambda item: (item[1][0], item[0])):
            if wanted and matches + count > MOST_MATCHES:
                break
            # In quotation marks nothing is FTS5's syntax, and terms have none inside.
            wanted.append(f'"{term}"')
            matches += count
        if not wanted:
            return []
        query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?"
        return [unit for (unit,) in self.store.rows(query, " OR ".join(wanted), candidates)]

    def _rows_with(self, query: str, ids: Iterable[int]) -> list[tuple]:
        ids = sorted(set(ids))
        return self.store.rows(query.format(", ".join("?" * len(ids))), *ids)

    def read(
        self, units: list[tuple[int, int, int, int]], around: int = AROUND
    ) -> tuple[Sentences, dict[int, list[str]]]:
        """The sentences of units and so many around them, and the terms of the talks' titles."""
        talks = self._talks({talk for _, talk, _, _ in units})
        if {talk for _, talk, _, _ in units} - talks.keys():
            raise self.store.fault("it lacks talks of its units")
        counts = {talk: count for talk, (_, count) in talks.items()}
        return self._sentences(units, counts, around), {talk: title for talk, (title, _) in talks.items()}

    def units_of(self, passages: Iterable[Passage]) -> list[tuple[int, int, int, int]]:
        """Where the passages' own sentences stand in the index, as units without an id; nothing for what isn't in it."""
        query = (
            "SELECT talk, place, text FROM sentences WHERE talk = (SELECT id FROM talks WHERE video_id = ?) "
            "AND (start_s IS NULL OR start_s BETWEEN ? AND ?)"
        )
        units = set()
        for passage in passages:
            rows = self.store.rows(query, passage.video_id, passage.start_s, passage.end_s)
            places = [(talk, place) for talk, place, text in rows if text in passage.text]
            if places:
                units.add((0, places[0][0], min(places)[1], max(places)[1] + 1))
        return sorted(units)

    def times_a_talk(self, term: str) -> float:
        """In how many sentences the talks that have a term have it, on average; as the first MOST_READ units with it say."""
        query = (
            "SELECT count(DISTINCT talk * ? + place), count(DISTINCT talk) FROM sentences JOIN (SELECT talk AS t, first, "
            '"end" AS after FROM words JOIN units ON units.id = words.rowid WHERE words MATCH ? LIMIT ?) '
            "ON talk = t AND place >= first AND place < after WHERE ' ' || terms || ' ' LIKE ?"
        )
        ((sentences, talks),) = self.store.rows(query, BIG, f'"{term}"', MOST_READ, f"% {term} %")
        return sentences / max(talks, 1)

    def _talks(self, talks: set[int]) -> dict[int, tuple[list[str], int]]:
        """The terms of each talk's title, and its number of sentences."""
        rows = self._rows_with("SELECT id, title_terms, sentences FROM talks WHERE id IN ({})", talks)
        return {talk: (terms.split(), sentences) for talk, terms, sentences in rows}

    def _sentences(self, units: list[tuple[int, int, int, int]], counts: dict[int, int], around: int) -> Sentences:
        """What stands in units and around them; `counts` has the number of sentences of each talk."""
        spans: list[list[int]] = []
        for _, talk, first, end in units:
            first, end = max(first - around, 0), end + around
            if spans and spans[-1][0] == talk and first <= spans[-1][2]:
                spans[-1][2] = max(spans[-1][2], end)
            else:
                spans.append([talk, first, end])
        columns = "place, words, text, terms, start_s, end_s"
        query = f"SELECT {columns} FROM sentences WHERE talk = ? AND place >= ? AND place < ? ORDER BY place"
        talk, run, rows, turns = [], [], [], []
        for talk_id, first, end in spans:
            found = self.store.rows(query, talk_id, first, end)
            if len(found) != min(end, counts[talk_id]) - first:
                raise self.store.fault("it lacks sentences of a talk")
            for row in found:
                goes_on = bool(talk) and row[0] > first and not has_silence(rows[-1], row)
                run.append(run[-1] + (not goes_on) if run else 0)
                talk.append(talk_id)
                rows.append(row)
            turns += self._turns(talk_id, [row[0] for row in found])
        place, words, text, terms, start_s, end_s = zip(*rows, strict=True)
        return Sentences(
            np.array(talk),
            np.array(place),
            np.array(run),
            np.array(words),
            list(text),
            [term.split() for term in terms],
            list(start_s),
            list(end_s),
            [speaker for speaker, _ in turns] if self._has_turns else None,
            np.array([is_others for _, is_others in turns]) if self._has_turns else None,
        )

    def _turns(self, talk: int, places: list[int]) -> list[tuple[str | None, bool]]:
        """Who says each of these sentences of a talk, and whether that is not the teacher."""
        if not self._has_turns or not places:
            return []
        query = "SELECT place, speaker, is_others FROM turns WHERE talk = ? AND place BETWEEN ? AND ?"
        rows = self.store.rows(query, talk, min(places), max(places))
        named = {place: (speaker, bool(is_others)) for place, speaker, is_others in rows}
        return [named.get(place, (None, False)) for place in places]

    def _scores_by_words(self, sentences: Sentences, terms: Terms, titles: dict[int, list[str]]) -> np.ndarray:
        """BM25 of the runs of each length, the best of a length 1.0; of each sentence the mean over the lengths."""
        asked = list(terms)
        if not asked:
            return np.zeros(len(sentences))
        counts = np.array([[row.count(term) for row in sentences.terms] for term in asked])
        in_title = np.array([[titles[talk].count(term) for talk in sentences.talk] for term in asked])
        lengths = np.array([len(row) for row in sentences.terms])
        title_lengths = np.array([len(titles[talk]) for talk in sentences.talk])
        units = self.totals["units"]
        found_in = np.array([terms[term][0] for term in asked])
        weights = np.log(1 + (units - found_in + 0.5) / (found_in + 0.5)) * [terms[term][1] for term in asked]
        total = np.zeros(len(sentences))
        for size in RUNS:
            ends = run_ends(sentences, size)
            run_counts = sums(counts, ends) + in_title
            run_lengths = sums(lengths[None], ends)[0] + title_lengths
            usual = self._usual_terms(size)
            part = run_counts * (K1 + 1) / (run_counts + K1 * (1 - B + B * run_lengths / usual))
            scores = weights @ part
            total += spread(scores / max(scores.max(), 1e-9), np.arange(len(sentences)), ends, len(sentences))
        # Of two that are equal the first comes first: not every machine adds up in the same order.
        return np.round(total / len(RUNS), 9)

    def _usual_terms(self, size: int) -> float:
        """How many terms a run of `size` words has on average, title included."""
        totals = self.totals
        return size * totals["terms"] / max(totals["words"], 1) + totals["title_terms"] / max(totals["talks"], 1)

    def _scores_by_meaning(self, sentences: Sentences, vector: np.ndarray) -> np.ndarray:
        """Cosines of the units above what is usual in the index, the best 1.0, brought to the sentences in them."""
        rows = np.array(self._units_in(sentences))
        cosines = self._vectors.of_units(rows[:, 0]) @ vector
        usual = self._vectors.usual_cosine(vector)
        scores = np.maximum(cosines - usual, 0) / max(cosines.max() - usual, 1e-9)
        # Where the sentences stand: their number by talk and place.
        keys = sentences.talk.astype(np.int64) * BIG + sentences.place
        first = np.searchsorted(keys, rows[:, 1] * BIG + rows[:, 2])
        end = np.searchsorted(keys, rows[:, 1] * BIG + rows[:, 3])
        inside = end > first
        return spread(scores[inside], first[inside], end[inside], len(sentences))

    def likeness(self, sentences: Sentences, vector: np.ndarray) -> np.ndarray:
        """How like the vector the unit is that begins at each sentence, or last before it: 0 as any unit, 1 the same."""
        rows = np.array(sorted(self._units_in(sentences), key=lambda row: row[1:3]))
        usual = self._vectors.usual_cosine(vector)
        cosines = self._vectors.of_units(rows[:, 0]) @ vector
        keys = sentences.talk.astype(np.int64) * BIG + sentences.place
        last = np.searchsorted(rows[:, 1] * BIG + rows[:, 2], keys, side="right") - 1
        return np.maximum(cosines[last] - usual, 0) / max(1 - usual, 1e-9)

    def _units_in(self, sentences: Sentences) -> list[tuple[int, int, int, int]]:
        """The units (id, talk, first sentence, end) that lie in what was read around the candidates."""
        begins = np.flatnonzero(np.diff(sentences.run, prepend=-1))
        ends = np.append(begins[1:], len(sentences)) - 1
        query = 'SELECT id, talk, first, "end" FROM units WHERE talk = ? AND first BETWEEN ? AND ?'
        return sorted(
            {
                row
                for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
                for row in self.store.rows(
                    query,
                    int(sentences.talk[begin]),
                    # A unit that began before lies in it, too.
                    int(sentences.place[begin]) - UNIT,
                    int(sentences.place[end]),
                )
            }
        )

    def as_passages(self, sentences: Sentences, places: list["Place"]) -> list[Passage]:
        """The places as they are shown."""
        query = "SELECT id, video_id, title, published, source_file, end_s FROM talks WHERE id IN ({})"
        talks = {int(sentences.talk[place.first]) for place in places}
        records = {row[0]: row[1:] for row in self._rows_with(query, talks)}
        passages = []
        for place in places:
            video_id, title, published, source_file, talk_end_s = records[int(sentences.talk[place.first])]
            start_s, end_s = sentences.start_s[place.first], sentences.end_s[place.end - 1]
            passages.append(
                Passage(
                    video_id=video_id,
                    title=title,
                    published=published,
                    source_file=source_file,
                    start_s=start_s,
                    end_s=end_s,
                    text=" ".join(sentences.text[place.first : place.end]),
                    link=link_to(video_id, source_file, start_s, talk_end_s),
                    score=round(place.score, 6),
                    speaker=None if sentences.speaker is None else sentences.speaker[place.first],
                    is_others=sentences.others is not None and bool(sentences.others[place.first]),
                )
            )
        return passages


def leave_out_others(sentences: Sentences, scores: np.ndarray, begins: np.ndarray) -> None:
    """Let no passage have what another than the teacher says; one may begin where the teacher replies to what has the words."""
    if sentences.others is None:
        return
    for number in range(1, len(sentences)):
        if (
            sentences.others[number - 1]
            and not sentences.others[number]
            and sentences.run[number - 1] == sentences.run[number]
        ):
            begins[number] |= begins[number - 1]
    scores[sentences.others] = 0


def joined(question: str, before: str | None) -> str:
    """What is searched for: a follow-up together with the question before it."""
    return question if before is None else f"{before} {question}"


BIG = 1 << 32


def has_silence(before: tuple, after: tuple) -> bool:
    """Whether there is a long silence between two rows of sentences, which end with start_s and end_s."""
    return before[-1] is not None and after[-2] is not None and after[-2] - before[-1] > LONGEST_GAP_S


def greatest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` greatest values, the greatest first."""
    if count < len(values):
        places = np.argpartition(-values, count)[:count]
        return places[np.argsort(-values[places], kind="stable")]
    return np.argsort(-values, kind="stable")


def with_length_1(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
