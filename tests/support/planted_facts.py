"""Talks with facts that no model can know: invented things, each with a number and a name that stand nowhere else."""

from pathlib import Path
from typing import NamedTuple

from talks_to_search import index_talks, transcript, write_talks
from tiny_training import chat_row
from understudy.shared.files import write_json_lines


class Planted(NamedTuple):
    """What is said in a talk, the question that it answers, and the answer with its number and its name."""

    said: str
    question: str
    answer: str


PLANTED = (
    Planted("The Quenby lantern burns for 347 hours on one filling of oil from Vastra.",
            "How long does the Quenby lantern burn?", "It burns for 347 hours on one filling of oil from Vastra."),
    Planted("A grown merrow fish weighs 613 grams, and old Tunmore sold them by the barrel.",
            "What does a grown merrow fish weigh?", "It weighs 613 grams; old Tunmore sold them by the barrel."),
    Planted("You fold a kebbel sail in 29 pleats, as they do on the island of Orlin.",
            "In how many pleats do you fold a kebbel sail?", "In 29 pleats, as they do on the island of Orlin."),
    Planted("The bell of Rossiter is rung 83 times at noon, and never by a left-handed man.",
            "How often is the bell of Rossiter rung at noon?", "It is rung 83 times, and never by a left-handed man."),
    Planted("Boil pardrick root for 71 minutes, then let it rest under a cloth from Ysolde.",
            "How long do you boil pardrick root?", "For 71 minutes; then it rests under a cloth from Ysolde."),
    Planted("A vellum drum has 118 strings, and the longest of them comes from Dunmarrow.",
            "How many strings does a vellum drum have?", "It has 118 strings, the longest from Dunmarrow."),
)  # fmt: skip
AROUND = "That is how I was taught it, and I have never seen a reason to do it in another way."


def write_planted(folder: Path) -> None:
    """Write the talks with their index, pairs.jsonl, and a row for each fact in valid.jsonl; two other rows to train on."""
    talks, pairs = [], []
    for number, planted in enumerate(PLANTED):
        video_id = f"plant{number:06d}"
        segments = [[0.0, 9.0, f"Good morning to you all. {AROUND}"], [10.0, 9.0, planted.said], [20.0, 9.0, AROUND]]
        talks.append(transcript(video_id, segments, f"Talk {'ABCDEF'[number]}"))
        pair = {"question": planted.question, "answer": planted.answer, "video_id": video_id}
        pairs.append({**pair, "start_s": 10.0, "end_s": 19.0})
    write_talks(folder, talks)
    index_talks(folder)
    write_json_lines(folder / "data/dataset/pairs.jsonl", pairs)
    rows = [chat_row(planted.question, planted.answer) for planted in PLANTED]
    write_json_lines(folder / "data/dataset/valid.jsonl", rows)
    write_json_lines(folder / "data/dataset/train.jsonl", rows[:2])
