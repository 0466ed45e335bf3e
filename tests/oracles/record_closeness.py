"""Record what sacrebleu and rouge-score say of how close texts are: python tests/oracles/record_closeness.py

Runs in an environment of its own: pip install sacrebleu==2.6.0 rouge-score==0.1.2."""

import importlib.metadata
import json
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

PAIRS = [
    ("Water the roots, not the leaves.", "Water the roots, not the leaves."),
    ("Water each plant on a Monday with ten litres.", "Give every plant ten litres of water on Monday morning."),
    ("the the the the", "the cat sat on the mat"),
    ("Nothing alike here", "quite 42 zzz"),
    ("a b c d e f g", "g f e d c b a"),
    ("Yes", "Yes, but only in spring"),
    ("ab", "abcdefgh"),
    ("Dig the bed over once and then leave it alone until the spring comes.", "Leave it alone."),
    ("Straßen und Bäume im März", "Bäume an Straßen, im Mai"),
    ("", "The reference has words."),
    ("An answer has words.", ""),
    (
        "Build the bin 1 metre each way, because that is just big enough to hold its own warmth. " * 4,
        "Build a bin. " * 9,
    ),
]


def main() -> None:
    scorer = RougeScorer(["rougeL"])
    recorded = [
        {
            "answer": answer,
            "reference": reference,
            "chrf": CHRF().sentence_score(answer, [reference]).score,
            # rouge-score knows the letters a to z alone.
            "rouge_l": scorer.score(reference, answer)["rougeL"].fmeasure if (answer + reference).isascii() else None,
        }
        for answer, reference in PAIRS
    ]
    versions = {name: importlib.metadata.version(name) for name in ("sacrebleu", "rouge-score")}
    path = Path(__file__).with_name("closeness.json")
    path.write_text(json.dumps({"versions": versions, "pairs": recorded}, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
