"""What retrieval.py compares with, in the environment .retrieval_rivals (Makefile). Part of retrieval.py, which runs it twice:

    retrieval_rivals.py chunks talks.json chunks.json      cuts the talks, in each rival's way
    retrieval_rivals.py ranks chunks.json ranks.json       ranks the chunks, which have vectors now, for each question

Nothing but its own environment is imported, and that only where it is used: retrieval.py reads the names of the rivals here."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

# What retrieval.py's docstring says of the rivals: seconds of a chunk, and results.
CHUNK_S = 30
LANCEDB_LIMIT, TXTAI_LIMIT, OPEN_WEBUI_TOP_K = 10, 60, 3


def windows_of_captions(talk: dict) -> list[str]:
    """20 captions, from every 4th one: LanceDB's documentation, example "YouTube transcript search"."""
    import pandas as pd
    from lancedb.context import contextualize

    captions = pd.DataFrame({"text": [text for _, _, text in talk["segments"]]})
    return contextualize(captions).text_col("text").window(20).stride(4).to_pandas()["text"].tolist()


def runs_of_seconds(talk: dict) -> list[str]:
    """Captions that begin within CHUNK_S of the first one, as LanceDB's own application for talks has them."""
    runs, first_s = [], None
    for start_s, _, text in talk["segments"]:
        if first_s is None or start_s - first_s >= CHUNK_S:
            runs.append([])
            first_s = start_s
        runs[-1].append(text)
    return [" ".join(run) for run in runs]


def characters(talk: dict) -> list[str]:
    """Open WebUI's CHUNK_SIZE, CHUNK_OVERLAP and RAG_TEXT_SPLITTER."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100, add_start_index=True)
    return splitter.split_text(talk["text"])


def sentences(talk: dict) -> list[str]:
    """txtai's Textractor(sentences=True) after a file is read. NLTK's list of English abbreviations comes from no package
    registry, so this is its tokenizer without one."""
    from nltk.tokenize.punkt import PunktSentenceTokenizer
    from txtai.pipeline.data import segmentation

    segmentation.sent_tokenize = PunktSentenceTokenizer().tokenize
    return segmentation.Segmentation(sentences=True)(talk["text"])


CHUNKINGS: dict[str, Callable[[dict], list[str]]] = {
    "20 captions": windows_of_captions,
    "30 s": runs_of_seconds,
    "1,000 characters": characters,
    "sentences": sentences,
}

# A question and its vector to the numbers of chunks, best first.
Ranked = Callable[[str, Sequence[float]], list[int]]


def lancedb_table(chunks: list[dict], folder: Path):
    import lancedb

    rows = [
        {"number": number, "text": chunk["indexed"], "vector": chunk["vector"]} for number, chunk in enumerate(chunks)
    ]
    table = lancedb.connect(folder).create_table("chunks", rows)
    table.create_fts_index("text")
    return table


def numbers(query) -> list[int]:
    return [row["number"] for row in query.limit(LANCEDB_LIMIT).to_list()]


def lancedb_words(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    table = lancedb_table(chunks, folder)
    return lambda question, _: numbers(table.search(question, query_type="fts"))


def lancedb_vectors(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    table = lancedb_table(chunks, folder)
    return lambda _, vector: numbers(table.search(vector))


def lancedb_hybrid(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    from lancedb.rerankers import RRFReranker

    table = lancedb_table(chunks, folder)
    return lambda question, vector: numbers(
        table.search(query_type="hybrid").vector(vector).text(question).rerank(RRFReranker())
    )


def txtai_hybrid(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    import numpy as np
    from txtai import Embeddings

    def transform(texts: list[str]) -> np.ndarray:
        return np.array([vectors[text] for text in texts], np.float32)

    embeddings = Embeddings({"method": "external", "transform": transform, "hybrid": True})
    embeddings.index([chunk["indexed"] for chunk in chunks])
    return lambda question, _: [int(number) for number, _ in embeddings.search(question, TXTAI_LIMIT)]


def open_webui_retriever(chunks: list[dict], vectors: dict):
    """The nearest OPEN_WEBUI_TOP_K by cosine, compared one by one."""
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    class Known(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vectors[text] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return vectors[text]

    store = InMemoryVectorStore(Known())
    store.add_texts([chunk["indexed"] for chunk in chunks], [{"number": number} for number in range(len(chunks))])
    return store.as_retriever(search_kwargs={"k": OPEN_WEBUI_TOP_K})


def open_webui_vectors(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    retriever = open_webui_retriever(chunks, vectors)
    return lambda question, _: [document.metadata["number"] for document in retriever.invoke(question)]


def open_webui_hybrid(chunks: list[dict], vectors: dict, folder: Path) -> Ranked:
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever

    by_words = BM25Retriever.from_texts(
        [chunk["indexed"] for chunk in chunks], [{"number": number} for number in range(len(chunks))]
    )
    by_words.k = OPEN_WEBUI_TOP_K
    both = EnsembleRetriever(retrievers=[by_words, open_webui_retriever(chunks, vectors)], weights=[0.5, 0.5])
    return lambda question, _: [document.metadata["number"] for document in both.invoke(question)]


# Name: how the talks are cut, whether a talk's title stands in front of its chunks where they are looked up, what ranks them.
RIVALS: dict[str, tuple[str, bool, Callable[[list[dict], dict, Path], Ranked]]] = {
    "LanceDB, 20 captions, words": ("20 captions", False, lancedb_words),
    "LanceDB, 20 captions, vectors": ("20 captions", False, lancedb_vectors),
    "LanceDB, 20 captions, hybrid": ("20 captions", False, lancedb_hybrid),
    "LanceDB, 30 s, words": ("30 s", False, lancedb_words),
    "LanceDB, 30 s, vectors": ("30 s", False, lancedb_vectors),
    "LanceDB, 30 s, hybrid": ("30 s", False, lancedb_hybrid),
    "txtai, sentences, hybrid": ("sentences", False, txtai_hybrid),
    "Open WebUI, vectors": ("1,000 characters", False, open_webui_vectors),
    "Open WebUI, hybrid": ("1,000 characters", False, open_webui_hybrid),
    "LanceDB, 20 captions, hybrid, title": ("20 captions", True, lancedb_hybrid),
    "LanceDB, 30 s, hybrid, title": ("30 s", True, lancedb_hybrid),
    "txtai, sentences, hybrid, title": ("sentences", True, txtai_hybrid),
    "Open WebUI, hybrid, title": ("1,000 characters", True, open_webui_hybrid),
}


def chunks_of(talks: list[dict]) -> dict[str, list[dict]]:
    """The chunks of all talks by each way of cutting."""
    return {
        name: [
            {"video_id": talk["video_id"], "title": talk["title"], "text": text} for talk in talks for text in cut(talk)
        ]
        for name, cut in CHUNKINGS.items()
    }


def looked_up_by(chunk: dict, has_title: bool) -> str:
    return f"{chunk['title']}. {chunk['text']}" if has_title else chunk["text"]


def ranks_of(given: dict) -> dict[str, list[list[int]]]:
    """For each rival and question the numbers of the chunks, best first; `given` has chunks, questions and vectors by text."""
    vectors, ranks = given["vectors"], {}
    for name, (cutting, has_title, rival) in RIVALS.items():
        texts = [looked_up_by(chunk, has_title) for chunk in given["chunks"][cutting]]
        chunks = [{"indexed": text, "vector": vectors[text]} for text in texts]
        with TemporaryDirectory() as folder:
            ranked = rival(chunks, vectors, Path(folder))
            ranks[name] = [ranked(question, vectors[question]) for question in given["questions"]]
    return ranks


def main() -> None:
    step, given, made = sys.argv[1:]
    steps = {"chunks": chunks_of, "ranks": ranks_of}
    Path(made).write_text(json.dumps(steps[step](json.loads(Path(given).read_text()))))


if __name__ == "__main__":
    main()
