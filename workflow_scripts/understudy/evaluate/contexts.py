"""Who is asked in which context: with which passages before the question."""

from typing import Any

CONTEXTS_IN_WORDS = {
    "none": "without passages",
    "true": "with the true passage",
    "retrieved": "with the passages that are found",
    "misses": "with passages that miss the question",
}
CONTEXTS = tuple(CONTEXTS_IN_WORDS)
PROMPTED = "prompted"


def arms_in_contexts(evaluation: dict[str, Any], is_grounded: bool) -> list[tuple[str, str]]:
    """Each context with each arm, as the configuration's `evaluation` asks; `is_grounded` is its `grounding.rows`.

    Without `arms`, a grounded project compares prompted and tuned with retrieved passages, and any other nothing."""
    is_whole = evaluation["contexts"] == "all"
    default = ["base", PROMPTED, "tuned"] if is_whole else [PROMPTED, "tuned"]
    arms = evaluation["arms"] or (default if is_grounded else [])
    contexts = CONTEXTS if is_whole else evaluation["contexts"] or ["retrieved"]
    return [(context, arm) for context in contexts for arm in arms]


def name_in_context(arm: str, context: str) -> str:
    """The name of an arm in a context among the models of an evaluation; no model's name has the sign."""
    return f"{context}/{arm}"
