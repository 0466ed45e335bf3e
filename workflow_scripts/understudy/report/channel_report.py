"""What the channel gave: of each video its captions or why there are none, as a record, a table and a picture."""

from collections import Counter
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tabulate import tabulate

from understudy.shared.files import read_json, write_json, write_text, written_aside
from understudy.shared.log import log
from understudy.source.account import NOT_FETCHED, VideoAccount, account_of_channel
from understudy.text.voices import Wanted

WIDEST_TITLE = 60
BARS = 24
COLOUR = "#2f6f8f"
MEDIAN_COLOUR = "#c0502d"


def channel_record(accounts: list[VideoAccount], passed_over: list[dict]) -> dict:
    """The report as a record: totals, then one entry a video."""
    ok = [account for account in accounts if account.status == "ok"]
    words = [account.words for account in ok]
    return {
        "videos": len(accounts),
        "with_captions": len(ok),
        "without_captions": Counter(a.reason for a in accounts if a.status == "unavailable"),
        "not_fetched": sum(account.status == NOT_FETCHED for account in accounts),
        "hours": round(sum(account.speech_s or 0 for account in ok) / 3600, 2),
        "words": sum(words),
        "median_words": median(words) if words else 0,
        "languages": Counter(account.language or "unknown" for account in ok),
        "kinds": Counter(account.kind for account in ok),
        "passed_over": Counter(video["why"] for video in passed_over),
        "each_video": [account.as_record() for account in accounts],
        "each_passed_over": passed_over,
    }


def channel_table(record: dict) -> str:
    """The report as text: one row a video, then the totals."""
    rows = [
        [
            video["video_id"],
            shortened(video["title"]),
            video["status"],
            video["language"] or "",
            video["kind"] or "",
            minutes(video["speech_s"]),
            video["words"] or "",
            shortened(video["reason"] or ""),
        ]
        for video in record["each_video"]
    ]
    headers = ["id", "title", "captions", "language", "kind", "min", "words", "why none"]
    parts = [tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True), totals(record)]
    if record["each_passed_over"]:
        others = [
            [video["video_id"], shortened(video["title"] or ""), video["why"]] for video in record["each_passed_over"]
        ]
        parts.insert(1, tabulate(others, headers=["id", "title", "not listed because"], disable_numparse=True))
    parts += filter(None, [table_of_voices(record["each_video"])])
    return "\n\n".join(parts) + "\n"


def totals(record: dict) -> str:
    """The report's totals, a line each."""
    lines = [
        f"{record['with_captions']} of {record['videos']} videos have captions: {record['hours']} hours, {record['words']} words "
        f"(median {record['median_words']:g} a video).",
    ]
    lines += counted("Languages", record["languages"]) + counted("Kinds", record["kinds"])
    lines += counted("Without captions", record["without_captions"]) + counted("Passed over", record["passed_over"])
    if record["not_fetched"]:
        lines.append(f"{record['not_fetched']} not fetched yet; the next run asks for them.")
    if record["without_captions"]:
        lines.append("To ask again for one of those without: understudy run -f -- data/transcripts/ID.json")
    return "\n".join(lines)


def counted(name: str, counts: dict[str, int]) -> list[str]:
    said = ", ".join(f"{shortened(what)} {count}" for what, count in Counter(counts).most_common())
    return [f"{name}: {said}."] if counts else []


def shortened(text: str) -> str:
    return text if len(text) <= WIDEST_TITLE else text[: WIDEST_TITLE - 1] + "…"


def minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.1f}"


def draw_lengths(record: dict, path: str) -> None:
    """A histogram of the transcripts' lengths in words, as PNG."""
    words = [video["words"] for video in record["each_video"] if video["status"] == "ok"]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(
        xlabel="words in a transcript", ylabel="videos", title=f"{len(words)} transcripts, {record['hours']} hours"
    )
    axes.yaxis.get_major_locator().set_params(integer=True)
    if words:
        longest = max(words) * 1.05
        axes.hist(words, bins=BARS, range=(0, longest), color=COLOUR, edgecolor="white")
        axes.set(xlim=(0, longest), ylim=(0, axes.get_ylim()[1] * 1.12))
        mark_median(axes, record["median_words"], longest)
    with written_aside(path) as aside:
        figure.savefig(aside, format="png", dpi=150)


def mark_median(axes: Axes, words: float, longest: float) -> None:
    """A line at the median, with its value on the side that has room."""
    axes.axvline(words, color=MEDIAN_COLOUR, linewidth=1.5)
    on_the_left = words > longest / 2
    axes.annotate(
        f"median {words:g}",
        (words, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if on_the_left else 5, -12),
        textcoords="offset points",
        horizontalalignment="right" if on_the_left else "left",
        color=MEDIAN_COLOUR,
    )


def table_of_voices(videos: list[dict]) -> str:
    """Who speaks in each talk whose captions say it, with an excerpt to know them by; and where nobody can tell the teacher."""
    rows, unclear = [], []
    for video in videos:
        voices = video.get("voices")
        for each in voices["speakers"] if voices else []:
            is_teachers = voices["teacher"] is not None and each["speaker"] in voices["teacher"]
            part = "teacher" if is_teachers else "?" if voices["teacher"] is None else ""
            rows.append(
                [video["video_id"], each["speaker"], f"{each['share']:.0%}", each["turns"], part, each["excerpt"]]
            )
        unclear += [video["video_id"]] if voices and voices["teacher"] is None else []
    if not rows:
        return ""
    headers = ["id", "speaker", "words", "turns", "part", "says"]
    says = f"Nobody can tell the teacher in {', '.join(unclear)}: set source.speaker." if unclear else ""
    return "\n\n".join(filter(None, [tabulate(rows, headers=headers, disable_numparse=True), says]))


def write_channel_report(
    videos: str, passed_over: str, record: str, table: str, picture: str, speaker: Wanted = None
) -> None:
    """Write the report on the list `videos` and the transcripts beside it to `record`, `table` and `picture`; `speaker` is the
    configuration's `source.speaker`."""
    accounts = account_of_channel(read_json(videos), Path(videos).parent / "transcripts", speaker)
    report = channel_record(accounts, read_json(passed_over))
    text = channel_table(report)
    write_json(record, report)
    write_text(table, text)
    draw_lengths(report, picture)
    log.info("%s\n%s, %s, %s", text, table, record, picture)
