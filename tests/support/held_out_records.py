"""Records as answer_held_out writes them, of answers made up for a test."""

import random
from pathlib import Path

from understudy.evaluate.general.questions import general_questions
from understudy.shared.files import write_json, write_json_lines

SUBJECTS = ("tomatoes", "beans", "compost", "slugs", "seeds", "roses", "leeks", "herbs", "apples", "carrots")
VERBS = ("water", "feed", "prune", "watch", "cover", "thin", "lift", "turn", "move", "sow")
PLACES = ("by the wall", "in the shade", "under glass", "near the gate", "in a deep pot", "on the south side")
TALKS = 10
ROWS_OF_A_TALK = 4


def teacher_answer(subject: str, rng: random.Random) -> str:
    """Markdown in a voice: a heading, an opening, a list."""
    items = "\n".join(f"- **{verb.title()}** the {subject} {rng.choice(PLACES)}" for verb in rng.sample(VERBS, 3))
    return (
        f"## {subject.title()}\n\nHere is the thing, my dear: {subject} want patience {rng.choice(PLACES)}. "
        f"You see, I always {rng.choice(VERBS)} {subject} first.\n\n{items}"
    )


def base_answer(subject: str, rng: random.Random) -> str:
    """One plain paragraph."""
    return (
        f"In general, it is recommended to {rng.choice(VERBS)} {subject} regularly. {subject.title()} are plants that grow "
        f"{rng.choice(PLACES)}, and it is important to {rng.choice(VERBS)} them as needed {rng.choice(PLACES)}."
    )


def varied_answer(subject: str, number: int) -> str:
    """Markdown of another kind for each number: a table, code, nested lists, a quotation, links and pictures, other scripts."""
    kinds = (
        f"| {subject} | water |\n| --- | ---: |\n| young | 2 l |\n| old | 10 l |\n\nThat is *all* of it.",
        f"```python\nfor plant in {subject}:\n    plant.water(litres=2)  # <b>never</b> more\n```\n\nAnd `mulch()` after it.",
        f"1. Soil\n   - loose\n     - and deep\n2. Sun\n\n---\n\n***Patience*** for {subject}, ~~never~~ always.",
        f"> {subject.title()} know best.\n>\n> > And so does the worm.\n\nSee [my shed](https://example.org/a?b=1&c=2).",
        f"![{subject}](https://example.org/{subject}.png) <https://example.org> and {'very' * 40}long.",
        f"سقي {subject} مرة واحدة. 🌱👩‍🌾 水やりは朝に。 Zażółć gęślą jaźń.",
        "",
    )
    return kinds[number % len(kinds)]


def held_out_rows(seed: int = 1, talks: int = TALKS) -> list[dict]:
    """Rows of so many talks: question, reference, subject."""
    rng = random.Random(seed)
    rows = []
    for number in range(talks * ROWS_OF_A_TALK):
        talk, part = divmod(number, ROWS_OF_A_TALK)
        subject = SUBJECTS[talk % len(SUBJECTS)]
        rows.append(
            {
                "row": number + 1,
                "video_id": f"talk{talk:07d}",
                "subject": subject,
                "question": f"What do {subject} need, part {part + 1}?",
                "reference": teacher_answer(subject, rng),
            }
        )
    return rows


def right_answer(question) -> str:
    if question.rule in ("items", "numbers_in_order"):
        wanted = question.accepted[: question.count or None]
        return ", ".join(str(each) for each in wanted)
    return str(question.accepted[0])


def record(
    which: str,
    rows: list[dict],
    answers: list[str],
    loss: float,
    *,
    finish_reason: str = "stop",
    general_loss: float = 3.0,
    knows: int = 80,
    noise_seed: int = 0,
) -> dict:
    """What one model said: `loss` nats a token with a little noise, and right answers to so many of the general questions."""
    rng = random.Random(noise_seed)
    return {
        "model": {"which": which, "path": f"models/{which}", "engine": "mlx"},
        "settings": {
            "max_examples": 100,
            "seed": 42,
            "max_tokens": 512,
            "repeat_penalty": 1.1,
            "temperature": 0.0,
            "top_p": 1.0,
        },
        "rows": [
            {
                **{key: row[key] for key in ("row", "video_id", "question", "reference")},
                "answer": answer,
                "finish_reason": finish_reason,
                "tokens": len(answer.split()),
                "loss": 100 * (loss + rng.gauss(0, 0.05)),
                "loss_tokens": 100,
            }
            for row, answer in zip(rows, answers, strict=True)
        ],
        "training_rows": [{"row": 1, "loss": 100 * loss, "loss_tokens": 100}],
        "general_questions": [
            {
                "id": question.id,
                "answer": right_answer(question) if number < knows else "I am not sure.",
                "finish_reason": "stop",
            }
            for number, question in enumerate(general_questions())
        ],
        "general_text": {"loss": 1000 * general_loss, "loss_tokens": 1000},
        "seconds": {"answers": 1.0, "losses": 1.0},
    }


def write_records(folder: Path, records: dict[str, dict]) -> dict[str, str]:
    """Write the records into the folder; return their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: str(folder / f"{name}.json") for name in records}
    for name, path in paths.items():
        write_json(path, records[name])
    return paths


def write_training_set(folder: Path, seed: int = 2) -> tuple[str, str, list[str]]:
    """Write train.jsonl and pairs.jsonl of twenty other talks; return their paths, and the answers."""
    rng = random.Random(seed)
    pairs = []
    for talk in range(20):
        for part in range(3):
            subject = rng.choice(SUBJECTS)
            pairs.append(
                {
                    "video_id": f"train{talk:06d}",
                    "question": f"Tell me of {subject}, {talk} and {part}.",
                    "answer": teacher_answer(subject, rng),
                }
            )
    rows = [
        {
            "messages": [
                {"role": "user", "content": pair["question"]},
                {"role": "assistant", "content": pair["answer"]},
            ]
        }
        for pair in pairs
    ]
    write_json_lines(folder / "train.jsonl", rows)
    write_json_lines(folder / "pairs.jsonl", pairs)
    return str(folder / "train.jsonl"), str(folder / "pairs.jsonl"), [pair["answer"] for pair in pairs]
