"""New talks, searchable at once and without money: understudy update"""

from pathlib import Path

from understudy.commands.project import check_talks, configuration_of_project, enter_project
from understudy.commands.run import make_first
from understudy.commands.running.ending import command_again
from understudy.commands.summary import benchmark_seconds
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json
from understudy.shared.formats import as_duration, counted
from understudy.teach.plan import LENGTH_OF, Calls, Plan, expected_reply, plan_of, price
from understudy.teach.planned import prompts_of_project, requests_of_project
from understudy.teach.question_list import slots_of
from understudy.teacher.servers import store_identity, teacher_identity
from understudy.teacher.spending import ledger_lines, prices_of
from understudy.teacher.store import ResponseStore

DATA = Path("data")
# The list is looked up anew; then the captions of what is new in it, and the index. None of it asks the teacher.
TARGETS = ["--forcerun", "videos", "--", "data/index/index.json"]


def update(directory: Path | None) -> int:
    """Look for new talks, fetch their captions, index them, and say what is newer than the model. Return an exit status."""
    enter_project(directory)
    config = configuration_of_project()
    check_talks(config, "update looks for new talks")
    status = make_first(TARGETS, config, command_again([], directory, "update"))
    if not status:
        print(newer_than_the_model(config))
    return status


def newer_than_the_model(config: dict) -> str:
    """One line: how many talks the model has not learned from, and what a retraining costs."""
    talks = talks_with_words(DATA)
    name = config["name"]
    if not (Path("models") / name / "adapters/adapters.safetensors").exists():
        return f"{counted(len(talks), 'talk')} can be searched. There is no model yet: `understudy run` makes it."
    newer = talks - talks_of_dataset(DATA / "dataset/split.json")
    if not newer:
        return f"{counted(len(talks), 'talk')} can be searched, and the model has learned from all of them."
    verb = "is" if len(newer) == 1 else "are"
    return (
        f"{counted(len(talks), 'talk')} can be searched; {len(newer):,} {verb} newer than the model. A retraining "
        f"{asks_in_words(config)}{trained_in_words(name)}: `understudy run`"
    )


def talks_with_words(data: Path) -> set[str]:
    """The ids of the listed talks that have a transcript with words."""
    ids = (video["video_id"] for video in read_json(data / "videos.json"))
    return {id_ for id_ in ids if read_json(data / "transcripts" / f"{id_}.json")["status"] == "ok"}


def talks_of_dataset(split: Path) -> set[str]:
    """The ids of the talks that the data set has."""
    try:
        return set(read_json(split)["videos"])
    except (UnderstudyError, OSError, KeyError, TypeError):
        return set()


def asks_in_words(config: dict) -> str:
    """What is left to ask the teacher, in requests and money."""
    slots = slots_of(config["questions"]["per_video"])
    store = ResponseStore(store_identity(teacher_identity(config["teacher"])))
    prompts = prompts_of_project()
    plan = plan_of(requests_of_project(DATA, config, prompts, slots, store), len(slots), store, config)
    calls = sum(each.calls for each in plan.passes.values())
    return f"asks the teacher for {counted(calls, 'reply', '') if calls == 1 else f'{calls:,} replies'}{dollars(plan, config)}"


def dollars(plan: Plan, config: dict) -> str:
    prices, _ = prices_of(config["teacher"]["model"], config["teacher"]["prices"])
    if prices is None:
        return ""
    lines = ledger_lines(DATA / "spending")
    longest = {name: config[LENGTH_OF[name]]["max_tokens"] for name in plan.passes}
    low, high = (
        sum(usd(calls, name, lines, longest[name], prices, at) for name, calls in plan.passes.items()) for at in (0, 1)
    )
    return f" ({low:.2f} to {high:.2f} US dollars)"


def usd(calls: Calls, pass_: str, lines: list[dict], longest: int, prices: dict, at: int) -> float:
    """The low (0) or high (1) bound of a pass."""
    return price(calls, expected_reply(pass_, lines, longest)[at], prices, ("low", "high")[at])


def trained_in_words(name: str) -> str:
    """How long the last training took, by the rule's benchmark."""
    benchmark = Path("logs/benchmarks") / name / "adapters.tsv"
    return f" and trains for about {as_duration(benchmark_seconds(benchmark))}" if benchmark.is_file() else ""
