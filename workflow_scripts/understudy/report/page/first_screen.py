"""What a teacher reads first: plain names for what was measured, three questions with their answers, and what to do next."""

from collections.abc import Sequence
from typing import Any

from understudy.evaluate.contexts import PROMPTED, name_in_context
from understudy.evaluate.figures import REFERENCE
from understudy.report.page.figures import OUTCOMES
from understudy.report.truth_table import arm_label, label
from understudy.shared.formats import counted

# What the verdict rests on; the words of evaluation.json are the statistician's.
PLAIN = {
    "loss": "Expects the teacher's words (lower is better)",
    "form_distance": "Differs in form from the teacher's answers (lower is better)",
    "voice": "Sounds like the teacher",
    "nearness": "Stays with the question",
    "flawed": "Answers that are empty, cut off or go in circles",
}
PLAIN_BOUNDS = {
    "forgetting": "It has forgotten general knowledge.",
    "general_text": "Ordinary text has become foreign to it.",
    "memorising": "It repeats answers that it was trained on.",
    "off_topic": "It answers other questions than it was asked.",
}
PLACES = ("typical", "best", "worst")
# From where on a figure is worth a word.
BY_HEART, ENOUGH_TALKS, MANY_FLAWED, LITTLE_VOICE, FEW_FACTS = 0.6, 10, 0.1, 0.5, 0.4


def plain_measures(evaluation: dict[str, Any], name: str) -> list[dict[str, str]]:
    """What the verdict on the model `name` rests on, in plain words: before, after, and whether that is shown."""
    model = evaluation["models"][name]
    other = evaluation["models"][model["compared_with"]]["figures"]
    return [
        {
            "says": PLAIN.get(figure, evaluation["figures"][figure]["says"]),
            "base": short(other[figure], evaluation["figures"][figure]["is_share"]),
            "tuned": short(model["figures"][figure], evaluation["figures"][figure]["is_share"]),
            "outcome": outcome,
            "in_words": OUTCOMES[outcome],
        }
        for figure in evaluation["figures"]
        for outcome in OUTCOMES
        if figure in model["verdict"].get(outcome, ())
    ]


def short(value: float, is_share: bool) -> str:
    return f"{value:.0%}".replace("%", " %") if is_share else f"{value:.2f}"


def broken_bounds(evaluation: dict[str, Any]) -> list[str]:
    return [PLAIN_BOUNDS.get(bound, bound) for bound in evaluation["verdict"]["beyond_bounds"]]


def three_questions(evaluation: dict[str, Any], tuned: str) -> dict[str, Any] | None:
    """The question that the model `tuned` answers best, the one in the middle, and the worst, each with the answers of the model,
    of the prompted base (else the base) and the reference; and by what they were chosen. None without an answer of the model."""
    rows = evaluation["rows"]
    if not rows or tuned not in rows[0]["answers"]:
        return None
    answers, other = answers_to_compare(evaluation, tuned)
    says, scores = scores_of(evaluation, tuned, [said[0] for said in answers])
    order = sorted(range(len(rows)), key=lambda number: (scores[number], number))
    chosen = dict(zip(PLACES, (order[len(order) // 2], order[-1], order[0]), strict=True))
    # Of few questions one may be in two places.
    shown = {number: place for place, number in reversed(chosen.items())}
    return {
        "by": says,
        "names": [label(tuned), other, label(REFERENCE)],
        "questions": [
            {
                "place": place,
                "question": rows[number]["question"],
                "answers": [*answers[number], rows[number]["reference"]],
            }
            for number, place in reversed(shown.items())
        ],
    }


def answers_to_compare(evaluation: dict[str, Any], tuned: str) -> tuple[list[tuple[str, str]], str]:
    """The answers of `tuned` and of its rival to each question, and the rival's name."""
    truth = evaluation.get("truth")
    arms = [(arm["arm"], arm["context"]) for arm in truth["arms"]] if truth else []
    context = next((context for arm, context in arms if arm == PROMPTED and (tuned, context) in arms), None)
    if context is not None and truth["answers"]:
        names = [name_in_context(arm, context) for arm in (tuned, PROMPTED)]
        said = [tuple(row[name]["answer"] for name in names) for row in truth["answers"]]
        return said, arm_label(PROMPTED, context)
    return [(row["answers"][tuned]["answer"], row["answers"]["base"]["answer"]) for row in evaluation["rows"]], label(
        "base"
    )


def scores_of(evaluation: dict[str, Any], tuned: str, said: Sequence[str]) -> tuple[str, list[float]]:
    """By what answers are ranked, in words, and each answer's value; a flawed answer comes last."""
    rows = evaluation["rows"]
    truth = evaluation.get("truth")
    found = found_facts(truth, tuned, said) if truth else None
    if found is not None:
        return "how many facts of the reference the trained model's answer has", found
    flawed = [any(row["answers"][tuned][flaw] for flaw in ("empty", "endless", "repetitive")) for row in rows]
    if "voice" in rows[0]["answers"][tuned]:
        says, values = (
            "how much the answer sounds like the teacher",
            [row["answers"][tuned]["voice"] for row in rows],
        )
    else:
        losses = [row["answers"][tuned]["loss"] / row["answers"][tuned]["loss_tokens"] for row in rows]
        says, values = "how well the trained model expects the reference", [-loss for loss in losses]
    return says, [value - 1000 * is_flawed for value, is_flawed in zip(values, flawed, strict=True)]


def found_facts(truth: dict[str, Any], tuned: str, said: Sequence[str]) -> list[float] | None:
    """The share of facts that each of the answers `said` has; None where none was measured."""
    names = [name_in_context(arm["arm"], arm["context"]) for arm in truth["arms"] if arm["arm"] == tuned]
    found = []
    for answers, answer in zip(truth["answers"], said, strict=True):
        shares = [answers[name]["facts_found"] for name in names if answers[name]["answer"] == answer]
        found.append(shares[0] if shares and shares[0] is not None else -1.0)
    return found if max(found) >= 0 else None


def next_steps(evaluation: dict[str, Any], tuned: str, config: dict[str, Any]) -> list[str]:
    """What the figures say should be tried next, the most important first; one sentence where they say nothing."""
    model = evaluation["models"][tuned]
    training, bounds = config["training"], evaluation["verdict"]["beyond_bounds"]
    steps = []
    if evaluation["videos"] < ENOUGH_TALKS:
        steps.append(
            f"More talks. {counted(evaluation['videos'], 'held-out talk')} can show little; from about {ENOUGH_TALKS} on the "
            "figures become firm, and the model has more to learn from."
        )
    if {"forgetting", "general_text"} & set(bounds):
        steps.append(
            f"A gentler training, because it has forgotten: a lower learning rate (it was {training['learning_rate']:g}), fewer "
            f"epochs (it was {training['epochs']:g}), or general rows in between (training.replay)."
        )
    if "memorising" in bounds or model["training_loss"] < BY_HEART * model["figures"]["loss"]:
        steps.append(
            f"Fewer epochs than {training['epochs']:g}, or more talks: it knows its training answers much better than new ones, "
            "which is learning by heart."
        )
    if model["figures"]["flawed"] > MANY_FLAWED:
        steps.append(
            f"Another base, a larger one: {short(model['figures']['flawed'], True)} of the answers are empty, cut off or go in "
            "circles."
        )
    if model["figures"].get("voice", 1) < LITTLE_VOICE:
        steps.append(
            f"A longer training or a higher learning rate (it was {training['learning_rate']:g}): it doesn't sound like the "
            "teacher yet."
        )
    return [*steps, *steps_for_truth(evaluation, tuned)] or [
        "Nothing stands out. Read answers below, then talk to it: understudy serve."
    ]


def steps_for_truth(evaluation: dict[str, Any], tuned: str) -> list[str]:
    """What is to be done about facts; nothing where they were not measured."""
    truth = evaluation.get("truth")
    if truth is None or not truth["rows"]:
        return []
    steps = []
    shares = [arm["figures"].get("facts_found") for arm in truth["arms"] if arm["arm"] == tuned]
    facts = max((share["estimate"] for share in shares if share), default=None)
    if facts is not None and facts < FEW_FACTS:
        steps.append(
            f"A larger base, or strict answers (answering.strict): at best {short(facts, True)} of a reference's facts are "
            "in its answers."
        )
    beside = truth["beside_a_prompt"]
    if beside and beside["status"] in ("level", "behind"):
        steps.append("Compare with a prompt: the untrained base with a good prompt does as well here.")
    return steps
