"""What pairs and talks are about: alike clusters together, what only the talks have is named."""

import pandas as pd

from dataset_records import built, good_records
from understudy.dataset.topics import cut, topics_of, wanting

SUBJECTS = {
    "tomato": "tomato truss cordon blight greenhouse sideshoot",
    "compost": "compost heap worm cardboard nitrogen straw",
    "violin": "violin bow string rosin bridge varnish",
}


def sentences(subject: str, count: int) -> list[str]:
    words = SUBJECTS[subject].split()
    return [f"The {words[n % 6]} and the {words[(n + 1) % 6]} want the {words[(n + 2) % 6]}." for n in range(count)]


def pairs_about(*subjects: str, count: int = 12) -> pd.DataFrame:
    rows = [
        {
            "video_id": "a" * 11,
            "question": f"How is it with {text}",
            "answer": text * 2,
            "verdict": "ok",
            "split": split,
        }
        for subject in subjects
        for n, text in enumerate(sentences(subject, count))
        for split in ["valid" if subject == "tomato" and n == 0 else "train"]
    ]
    return pd.DataFrame(rows)


def talk(video_id: str, *subjects: str) -> dict:
    text = " ".join(text for subject in subjects for text in sentences(subject, 150))
    return {"video_id": video_id * 11, "language": "en", "text": text}


def test_a_topic_is_named_by_its_own_terms_and_what_the_pairs_lack_is_told():
    pairs = pairs_about("tomato", "compost")
    topics, of_pairs = topics_of(pairs, [talk("a", "tomato", "compost"), talk("b", "violin")])
    named = {subject: [t for t in topics if set(t["terms"]) & set(SUBJECTS[subject].split())] for subject in SUBJECTS}
    assert all(named.values())
    assert sum(topic["pairs"] for topic in topics) == len(pairs) == len(of_pairs)
    assert all(topic["pairs"] == 0 and topic["talks"][0] == "b" * 11 for topic in named["violin"])
    found = wanting(topics)
    assert {topic["number"] for topic in named["violin"] if topic["pieces"] > 1} <= set(found["without_pairs"])
    assert {topic["number"] for topic in named["compost"]} <= set(found["not_held_out"])
    assert sum(topic["held_out"] for topic in topics) == 1
    assert not set(of_pairs) & {", ".join(topic["terms"]) for topic in named["violin"]}


def test_it_is_the_same_every_time():
    pairs, talks = pairs_about("tomato", "compost"), [talk("a", "tomato", "violin")]
    assert topics_of(pairs, talks) == topics_of(pairs, talks)


def test_few_or_strange_texts_have_no_topics():
    assert topics_of(pairs_about("tomato", count=2), []) == ([], [None, None])
    odd = pd.DataFrame(
        [{"video_id": None, "question": f"q{n}x", "answer": "", "verdict": "ok", "split": "train"} for n in range(60)]
    )
    assert topics_of(odd, [])[0] == []
    assert wanting([]) == {"without_pairs": [], "not_held_out": []}


def test_a_talk_is_cut_at_words_and_nothing_is_lost():
    text = talk("a", "tomato")["text"]
    assert "".join(cut(text)) == text
    assert len(cut(text)) > 2
    assert cut("") == []


def test_the_report_has_them(tmp_path, tiny_base):
    _, _, report = built(tmp_path, tiny_base, good_records())
    assert report["topics"] == [] and report["topics_wanting"] == {"without_pairs": [], "not_held_out": []}
