"""List the stored replies that the present configuration does not refer to, and how much they take; delete them if asked to."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from understudy.shared.files import read_json
from understudy.shared.log import log
from understudy.teach.planned import Prompts, requests_of_project
from understudy.teacher.servers import store_identity
from understudy.teacher.store import ResponseStore

SHOWN = 20


def prune_responses(
    data: Path,
    config: dict,
    identity: dict,
    prompts: Prompts,
    slots: list[str],
    delete: bool,
    judged: Sequence[str] = (),
) -> None:
    """Log the replies in `data`/responses that nothing refers to; with `delete`, remove them. `judged` are judge.json files.

    A reply counts as referred to with the questions as they are now, so one to an edited question's old wording doesn't."""
    store = ResponseStore(store_identity(identity), folder=data / "responses")
    wanted = set()
    unknown = 0
    for video in requests_of_project(data, config, prompts, slots, store):
        unknown += not video.is_known
        requests = video.all()
        wanted |= {store.path_of(request) for request in requests}
        wanted |= {store.path_of(request.for_a_longer_reply()) for request in requests}
    wanted |= {path for name in verdicts_given(judged) for path in (data / "responses").glob(f"*/{name}.json")}
    files = sorted(
        path for path in (data / "responses").glob("*/*") if path.is_file() and not path.name.startswith(".")
    )
    unused = [path for path in files if path not in wanted]
    size = sum(path.stat().st_size for path in unused)
    log.info("%d of %d stored replies are referred to by nothing: %.1f MB.", len(unused), len(files), size / 1e6)
    for path in unused[:SHOWN]:
        log.info("  %s", path)
    if len(unused) > SHOWN:
        log.info("  and %d more", len(unused) - SHOWN)
    if unknown:
        log.info(
            "%d videos have no transcript, questions or answers yet, so what is theirs is not known: nothing is deleted.",
            unknown,
        )
    elif delete:
        for path in unused:
            path.unlink()
        log.info("Deleted.")
    elif unused:
        log.info("They were paid for. To delete them: understudy prune --delete")


def verdicts_given(judged: Sequence[str]) -> Iterator[str]:
    """The names of the replies that verdicts came from."""
    for path in judged:
        yield from (record["response"] for record in read_json(path)["records"])
