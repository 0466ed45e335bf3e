"""Held-out rows with a passage of made-up facts each, and answers that have these facts, others or none."""

import random

from held_out_records import base_answer, held_out_rows, record, teacher_answer

NAMES = ("Orlin", "Vastra", "Kebbel", "Tunmore", "Ysolde", "Pardrick", "Quenby", "Rossiter")


def grounded_rows(talks: int = 10) -> list[dict]:
    """Rows whose reference has a number and a name that only its passage has."""
    rows = held_out_rows(talks=talks)
    for row in rows:
        rng = random.Random(row["row"])
        row["number"], row["name"] = 1000 + 7 * row["row"], rng.choice(NAMES)
        row["reference"] = told(row, row["number"], row["name"])
    return rows


def told(row: dict, number: int, name: str, seed: int = 0) -> str:
    """An answer in the teacher's voice with a number and a name."""
    voice = teacher_answer(row["subject"], random.Random(row["row"] + 100 * seed))
    return f"{voice}\n\nThe {row['subject']} take {number} grams, as old {name} did."


def invented(row: dict, seed: int = 0) -> str:
    """The same with a number and a name from nowhere."""
    rng = random.Random(row["row"] + 100 * seed)
    return told(row, 20_000 + rng.randrange(5000), "Zimmer", seed)


def flat(row: dict, seed: int = 0) -> str:
    """An answer in the base's voice with an invented number."""
    rng = random.Random(row["row"] + 100 * seed)
    return f"{base_answer(row['subject'], rng)} It takes {30_000 + rng.randrange(5000)} grams."


def refusal(row: dict) -> str:
    return f"That is a thing about {row['subject']} I have never talked about, my dear."


def passages_record(rows: list[dict]) -> dict:
    """What write_held_out_passages writes: the true passage of each row is found, and the next talk's is a miss."""

    def passage(row):
        text = f"i give {row['subject']} {row['number']} grams the way old {row['name'].lower()} did"
        return {
            "video_id": row["video_id"],
            "title": f"All about {row['subject']}",
            "published": None,
            "source_file": None,
            "start_s": 10.0,
            "end_s": 20.0,
            "text": text,
            "link": "",
            "score": 1.0,
        }

    def record_of(place, row):
        return {
            **{key: row[key] for key in ("row", "video_id", "question", "reference")},
            "language": "en",
            "counts": True,
            "is_found": place % 2 == 0,
            "true": [passage(row)],
            "retrieved": [passage(row)],
            "misses": [passage(rows[(place + 4) % len(rows)])],
        }

    return {
        "settings": {"max_examples": 100, "seed": 42},
        "rows": [record_of(place, row) for place, row in enumerate(rows)],
    }


def context_record(which: str, rows: list[dict], answers: list[str]) -> dict:
    """What answer_in_context writes: no losses."""
    said = record(which, rows, answers, 1.0)
    kept = ("row", "video_id", "question", "reference", "answer", "finish_reason", "tokens")
    return {**said, "rows": [{key: row[key] for key in kept} for row in said["rows"]]}
