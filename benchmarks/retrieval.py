"""Our search beside what a user would take instead, on the labelled questions of tests/labelled/shared; how it behaves with
thousands of talks, with --scale.

    make benchmark-retrieval
    make benchmark-retrieval-scale
    make benchmark-retrieval-scale OPTIONS="--sizes 500 --out /elsewhere/scale.json"

All search the demo's nine talks, answer the same questions, and are read up to the same number of words, 300 and 450; all
have the same vectors, of all-MiniLM-L6-v2 in llama.cpp. A question that goes on from another gets both, for the rivals joined
with a space. The rivals are as their own pages have them, in an environment of their own (retrieval_rivals.py):

- LanceDB 0.40.0, full-text search, vector search, and both by its RRFReranker, each with its 10 results. Its documentation says
  no size of chunks for text in general. For transcripts it has 20 captions from every 4th one (lancedb.github.io, example
  "YouTube transcript search": docs/src/notebooks/youtube_transcript_search.ipynb), and its application for talks has 30 seconds
  (github.com/lancedb/chat-with-videos, config/settings.yaml): both are here.
- txtai 9.14.0, hybrid=True with its own weights, vectors by its method "external", chunks by Textractor(sentences=True). Its
  quickstart has sections=True, which leaves a transcript in one piece. It gives 60 results, not 3: 3 sentences are no 300 words.
- Open WebUI: 1,000 characters with an overlap of 100 by langchain's RecursiveCharacterTextSplitter and a RAG_TOP_K of 3: its
  default, the nearest by cosine, and ENABLE_RAG_HYBRID_SEARCH, BM25 and vectors by langchain's EnsembleRetriever with weights of
  a half. Without a reranking model Open WebUI goes on and keeps the 3 nearest by cosine of what that found, which are always the
  3 of its default: the row of vectors is that of hybrid search as it comes.

Our search looks a talk's title up, too. Rows with "title" give the same to a rival, with the title in front of each chunk.
A passage that would pass the limit isn't read, which costs long chunks more; a second table reads it up to the limit.
As a control the captions' texts, and the titles, are shuffled among their places: then our search must find no more than
chunks in any order do. Writes docs/retrieval_benchmark.json. 3 minutes, after 1 for the environment (800 MB).

--scale makes talks of an hour, 9,000 words, with the demo's words as often as there and 50,000 words in all by Zipf's law, in a
temporary folder, and measures the index and the search without Snakemake: each step is a process of its own, vectors are
random ones. It prints, and writes to --out only if that is given. 30 minutes, 5 GB of disk."""

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import numpy as np

from labelled_search import Found, Labels, Searched
from made_talks import SEED, TALK_WORDS, Language, MadeTalks, make_demo, transcripts_in, video_id
from record_head import record_head
from retrieval_rivals import RIVALS, looked_up_by
from talks_to_search import MINILM, index_talks
from understudy.passages.embedder import Embedder, embedder_for
from understudy.passages.search import Search
from understudy.passages.store import INDEX, PASSAGES, open_store, writable
from understudy.shared.files import read_json, write_json

REPOSITORY = Path(__file__).resolve().parents[1]
RIVALS_PYTHON = REPOSITORY / ".retrieval_rivals/bin/python"
KINDS = ("fact", "two_talks", "pairs", "dialogues")
READ = (300, 450)
WORDS, VECTORS = "ours, words", "ours, with vectors"
ANY_ORDER, ANY_ORDER_OF = "30 s chunks in any order", "30 s"
# Words of the pieces in which a passage is read up to the limit.
PIECE = 10
# The scale part.
QUESTIONS, QUESTION_WORDS, DIMENSIONS = 200, 10, 384


def make_shuffled(project: Path, shuffled: Path) -> None:
    """The same talks with the texts of all captions, and the titles, each at another's place."""
    chance = random.Random(SEED)
    talks = transcripts_in(project)
    texts = [text for talk in talks for _, _, text in talk["segments"]]
    titles = [talk["title"] for talk in talks]
    chance.shuffle(texts)
    chance.shuffle(titles)
    for talk, title in zip(talks, titles, strict=True):
        talk["title"] = title
        talk["segments"] = [[start_s, duration_s, texts.pop()] for start_s, duration_s, _ in talk["segments"]]
        talk["text"] = " ".join(text for _, _, text in talk["segments"])
        write_json(shuffled / f"data/transcripts/{talk['video_id']}.json", talk)
    shutil.copy(project / "data/videos.json", shuffled / "data/videos.json")


def ours(search: Search) -> Searched:
    @cache
    def searched(question: str, before: str | None) -> list[Found]:
        passages = search.passages(question, before)
        return [Found(passage.video_id, passage.start_s, passage.end_s, passage.text) for passage in passages]

    return searched


def ours_in(project: Path, embedder: Embedder, note: str = "") -> dict[str, Searched]:
    """Our two ways of search in a project."""
    index_talks(project, MINILM)
    store = open_store(project / INDEX / PASSAGES)
    return {WORDS + note: ours(Search(store)), VECTORS + note: ours(Search(store, embedder))}


def asked_in(labels: Labels) -> list[str]:
    """All questions, a pair of turns joined with a space."""
    single = [row["question"] for row in (*labels.questions, *labels.pairs)]
    return list(dict.fromkeys([*single, *(joined(row["follow"], row["first"]) for row in labels.dialogues)]))


def joined(question: str, before: str | None) -> str:
    return question if before is None else f"{before} {question}"


def rivals(step: str, given: object, folder: Path) -> dict:
    """What retrieval_rivals.py makes of something in its own environment."""
    paths = [folder / f"{step}_given.json", folder / f"{step}.json"]
    write_json(paths[0], given)
    script = Path(__file__).with_name("retrieval_rivals.py")
    run = subprocess.run([RIVALS_PYTHON, script, step, *paths], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{script.name} {step} failed:\n{run.stderr[-3000:]}")
    return read_json(paths[1])


def rivals_on(project: Path, questions: list[str], embedder: Embedder, folder: Path) -> dict[str, Searched]:
    """Each rival's search; its ranks are all there."""
    talks = transcripts_in(project)
    chunks = rivals("chunks", talks, folder)
    texts = {looked_up_by(chunk, has_title) for cut, has_title, _ in RIVALS.values() for chunk in chunks[cut]}
    vectors = dict(zip(sorted(texts), embedder.passages(sorted(texts)).astype(np.float32).tolist(), strict=True))
    vectors |= {question: embedder.question(question).tolist() for question in questions}
    ranks = rivals("ranks", {"chunks": chunks, "questions": questions, "vectors": vectors}, folder)
    places = {name: list(placed(cut, talks)) for name, cut in chunks.items()}
    found = {name: ranked(places[cut], questions, ranks[name]) for name, (cut, _, _) in RIVALS.items()}
    chance = random.Random(SEED)
    any_order = [chance.sample(range(len(places[ANY_ORDER_OF])), len(places[ANY_ORDER_OF])) for _ in questions]
    return {**found, ANY_ORDER: ranked(places[ANY_ORDER_OF], questions, any_order)}


def ranked(places: list[Found], questions: list[str], ranks: list[list[int]]) -> Searched:
    of = dict(zip(questions, ranks, strict=True))
    return lambda question, before: [places[number] for number in of[joined(question, before)]]


def placed(chunks: list[dict], talks: list[dict]) -> Iterator[Found]:
    """Each chunk with its seconds: its words are found in its talk's, not before the chunk in front of it."""
    words = {talk["video_id"]: timed_words(talk["segments"]) for talk in talks}
    begun = Counter()
    for chunk in chunks:
        of_talk, of_chunk = words[chunk["video_id"]], chunk["text"].split()
        first = begun[chunk["video_id"]]
        while [word for word, _, _ in of_talk[first : first + len(of_chunk)]] != of_chunk:
            first += 1
            assert first < len(of_talk), f"These words are in no talk: {chunk['text']}"
        begun[chunk["video_id"]] = first
        end_s = of_talk[first + len(of_chunk) - 1][2]
        yield Found(chunk["video_id"], of_talk[first][1], end_s, chunk["text"])


def timed_words(segments: list[list]) -> list[tuple[str, float, float]]:
    """Each word with start and end; in a segment it has its share of the time, by letters."""
    timed = []
    for start_s, duration_s, text in segments:
        words = text.split()
        a_letter_s = duration_s / max(1, sum(map(len, words)))
        for word in words:
            timed.append((word, start_s, start_s + a_letter_s * len(word)))
            start_s = timed[-1][2]
    return timed


def in_pieces(searched: Searched) -> Searched:
    """The same search, its passages in pieces, so that they are read up to the limit."""
    return lambda question, before: [piece for found in searched(question, before) for piece in pieces_of(found)]


def pieces_of(found: Found) -> Iterator[Found]:
    words = found.text.split()
    a_word_s = (found.end_s - found.start_s) / len(words)
    for first in range(0, len(words), PIECE):
        text = words[first : first + PIECE]
        start_s = found.start_s + a_word_s * first
        yield Found(found.video_id, start_s, start_s + a_word_s * len(text), " ".join(text))


def measured(labels: Labels, searches: dict[str, Searched]) -> dict[str, dict[str, list[float]]]:
    """For each search and kind of question the share that is answered within each number of READ words."""
    results = {}
    for name, searched in searches.items():
        shares = [labels.measured(searched, words) for words in READ]
        results[name] = {kind: [round(share[kind], 3) for share in shares] for kind in KINDS}
    return results


def as_table(results: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: within 300 words, and in brackets within 450."""
    lines = [f"| {READ[0]} words ({READ[1]}) | {' | '.join(KINDS)} |", "| --- |" + " ---: |" * len(KINDS)]
    for name, shares in results.items():
        cells = (f"{few:.2f} ({more:.2f})" for few, more in (shares[kind] for kind in KINDS))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compare(out: Path) -> None:
    """Measure all, print the tables, and write the record."""
    head = record_head()
    with TemporaryDirectory(prefix="understudy-retrieval-") as folder, embedder_for(MINILM, threads=2) as embedder:
        project, shuffled = Path(folder, "demo"), Path(folder, "shuffled")
        make_demo(project)
        make_shuffled(project, shuffled)
        labels = Labels(project)
        searches = ours_in(project, embedder)
        searches |= rivals_on(project, asked_in(labels), embedder, Path(folder))
        searches |= ours_in(shuffled, embedder, ", texts shuffled")
        results = measured(labels, searches)
        cut = measured(labels, {name: in_pieces(searched) for name, searched in searches.items()})
    counts = {
        **Counter(row["kind"] for row in labels.questions),
        "pairs": len(labels.pairs),
        "dialogues": len(labels.dialogues),
    }
    print(f"{as_table(results)}\n\nThe last passage read up to the limit:\n\n{as_table(cut)}\n\n{counts}")
    record = {**head, "words": list(READ), "questions": counts, "found": results, "found_up_to_the_limit": cut}
    write_json(out, record)


class Channel(MadeTalks):
    """Made talks, one more than are indexed first, and what is done with them; each step returns what it measured."""

    def make(self) -> dict:
        self.write(self.talks + 1)
        return {}

    def index(self) -> dict:
        return {"seconds": self.indexed(self.talks), "bytes": self.passages().stat().st_size}

    def add(self) -> dict:
        """One talk more: its block is written anew, and the index is brought up to date."""
        return {"seconds": self.indexed(self.talks + 1, changed=video_id(self.talks))}

    def ask(self) -> dict:
        return self._asked(None)

    def fill(self) -> dict:
        """Random unit vectors for all units."""
        chance = np.random.default_rng(SEED)
        store = writable(self.passages())
        for content, units in store.rows("SELECT content, units FROM talks"):
            blob = random_unit_vectors(chance, units).astype(np.float16).tobytes()
            store.connection.execute(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", (RandomEmbedder.name, content, blob)
            )
        store.connection.commit()
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.connection.execute("PRAGMA journal_mode = DELETE")
        store.connection.close()
        return {"bytes": self.passages().stat().st_size}

    def ask_with_vectors(self) -> dict:
        return self._asked(RandomEmbedder())

    def _asked(self, embedder: "RandomEmbedder | None") -> dict:
        """The times of an open search's questions, the first one among them."""
        language = Language(self.demo, SEED + 1)
        questions = [" ".join(language.drawn(QUESTION_WORDS)) + "?" for _ in range(QUESTIONS)]
        started = time.perf_counter()
        search = Search(open_store(self.passages()), embedder)
        opened_s = time.perf_counter() - started
        times = []
        for question in questions:
            started = time.perf_counter()
            assert search.passages(question), f"Nothing is found for {question}"
            times.append(1000 * (time.perf_counter() - started))
        median, high = np.percentile(times, [50, 95])
        milliseconds = {"median": median, "p95": high, "first": times[0], "greatest": max(times)}
        return {
            "opened_s": round(opened_s, 3),
            "milliseconds": {name: round(value, 1) for name, value in milliseconds.items()},
        }


class RandomEmbedder:
    """Vectors without meaning, as fast as can be."""

    name = "random"

    def __init__(self):
        self._chance = np.random.default_rng(SEED)

    def question(self, text: str) -> np.ndarray:
        return random_unit_vectors(self._chance, 1)[0]


def random_unit_vectors(chance: np.random.Generator, count: int) -> np.ndarray:
    vectors = chance.standard_normal((count, DIMENSIONS), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


STEPS = ("make", "index", "ask", "add", "fill", "ask_with_vectors")


def in_a_process(step: str, folder: Path, demo: Path, talks: int) -> dict:
    """A step of a channel in a process of its own, with its peak memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", folder, "--demo", demo, "--sizes", str(talks)]
    run = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def do_step(options: argparse.Namespace) -> None:
    """The child's part of in_a_process."""
    done = getattr(Channel(options.folder, options.demo, options.sizes[0]), options.step)()
    unit = 1024 if sys.platform == "linux" else 1
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
    print(json.dumps({**done, "peak_mb": peak_mb}))


def measure_scale(sizes: Sequence[int], out: Path | None) -> None:
    """All steps at each size; print them, and write them if wanted."""
    result = {**record_head(), "words_a_talk": TALK_WORDS, "questions": QUESTIONS, "sizes": {}}
    with TemporaryDirectory(prefix="understudy-retrieval-") as folder:
        demo = Path(folder, "demo")
        make_demo(demo)
        for talks in sizes:
            channel = Path(folder, str(talks))
            steps = {step: in_a_process(step, channel, demo, talks) for step in STEPS}
            shutil.rmtree(channel)
            result["sizes"][str(talks)] = {step: figures for step, figures in steps.items() if step != "make"}
            print(f"{talks} talks: {json.dumps(result['sizes'][str(talks)])}", flush=True)
            if out:
                write_json(out, result)
    print(as_scale_table(result["sizes"]))


def as_scale_table(sizes: dict[str, dict]) -> str:
    lines = [
        "| talks | index | one talk more | memory | disk | query, words | disk with vectors | query, vectors | memory |",
        "| ---: |" + " ---: |" * 8,
    ]
    for talks, steps in sizes.items():
        cells = [
            f"{int(talks):,}",
            f"{steps['index']['seconds']:.0f} s",
            f"{steps['add']['seconds']:.1f} s",
            f"{steps['index']['peak_mb']:,} MB",
            f"{steps['index']['bytes'] / 1e6:,.0f} MB",
            query_times(steps["ask"]),
            f"{steps['fill']['bytes'] / 1e6:,.0f} MB",
            query_times(steps["ask_with_vectors"]),
            f"{steps['ask_with_vectors']['peak_mb']:,} MB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def query_times(asked: dict) -> str:
    times = asked["milliseconds"]
    return f"{times['median']:.0f} ms (p95 {times['p95']:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", action="store_true", help="measure made talks instead")
    parser.add_argument("--sizes", nargs="+", type=int, default=[500, 5_000], help="numbers of made talks")
    parser.add_argument("--out", type=Path, default=None, help="the record's file")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    for name in ("--folder", "--demo"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        do_step(options)
    elif options.scale:
        measure_scale(options.sizes, options.out)
    else:
        compare(options.out or REPOSITORY / "docs/retrieval_benchmark.json")


if __name__ == "__main__":
    main()
