"""The stages of a run in their order, and which rule belongs to which: a rule's door is named STAGE_RULE.py."""

from understudy.shared.checkout import REPOSITORY

IN_WORDS = {
    "source": "talks",
    "retrieve": "index",
    "base": "base model",
    "questions": "questions",
    "answers": "answers",
    "reworded": "rewording",
    "grounded": "rewriting",
    "reader": "second reader",
    "dataset": "data set",
    "train": "training",
    "export": "export",
    "evaluate": "evaluation",
    "report": "report",
}
# Its rules take long and are counted in talks, so each is a stage of its own.
TEACHING = "teach"


def stages_of_rules() -> dict[str, str]:
    """The stage of each rule by the rule's name."""
    doors = (path.stem.partition("_") for path in (REPOSITORY / "workflow_scripts").glob("*_*.py"))
    return {rule: rule if stage == TEACHING else stage for stage, _, rule in doors if stage != "command"}


STAGES = stages_of_rules()
