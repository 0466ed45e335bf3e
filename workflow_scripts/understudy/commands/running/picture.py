"""What a run looks like at a moment: as a picture on a terminal, and as one line elsewhere. All that comes from outside is made
one line of plain text; nothing in it is markup."""

from dataclasses import dataclass

from rich.console import Group
from rich.text import Text

from understudy.commands.running.events import Job, Run
from understudy.commands.running.stages import IN_WORDS, STAGES
from understudy.shared.formats import as_duration, counted, in_thousands
from understudy.shared.safe_markdown import plain_title

BAR = 20
LAST_LINES = 3
# The stages that are counted in talks, each by its rule.
OF_TALKS = {
    "talks": "transcript",
    "questions": "questions",
    "answers": "answers",
    "rewording": "reworded",
    "rewriting": "grounded",
    "second reader": "reader",
}


@dataclass
class Count:
    """The jobs of a stage."""

    name: str
    done: int = 0
    running: int = 0
    failed: int = 0
    planned: int = 0

    @property
    def is_done(self) -> bool:
        return self.done == self.planned

    @property
    def state(self) -> str:
        if self.is_done:
            return "done"
        if self.failed and not self.running:
            return "failed"
        return "running" if self.running else "begun" if self.done else "to come"


@dataclass
class Moment:
    """A run now: seconds since its beginning, seconds left if known, titles of talks by id, the last lines of its jobs' logs, and
    what is to be noticed."""

    run: Run
    taken: float
    left: float | None
    titles: dict[str, str]
    last_lines: list[str]
    note: str = ""


def counts(run: Run) -> list[Count]:
    """The stages that the run has work for, in their order."""
    found = {stage: Count(IN_WORDS[stage]) for stage in IN_WORDS}
    for rule, planned in run.planned.items():
        if rule in STAGES:
            found[STAGES[rule]].planned += planned
    for job in run.jobs.values():
        if job.rule in STAGES:
            count = found[STAGES[job.rule]]
            count.running += job.is_running
            # A run that is stopped ends its jobs as if they had failed.
            count.failed += job.has_failed and not run.is_stopped
            count.done += not job.is_running and not job.has_failed
    return [count for count in found.values() if count.planned]


def picture(moment: Moment) -> Group:
    """All of it, for a terminal."""
    rows = [row_of(count, moment) for count in counts(moment.run)]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    # What is at the end of a line is cut off where the terminal is narrow, and nothing else.
    table = [Text.assemble(*map(padded, row, (*widths, 0)), no_wrap=True, overflow="ellipsis") for row in rows]
    lines = [Text(""), Text(time_line(moment), style="bold"), Text(spent_line(moment.run))]
    lines += [
        Text(plain_title(line), style="dim", no_wrap=True, overflow="ellipsis")
        for line in moment.last_lines[-LAST_LINES:]
    ]
    lines += [Text(moment.note, style="bold")] if moment.note else []
    return Group(*table, *lines)


def row_of(count: Count, moment: Moment) -> tuple[Text, ...]:
    """A stage: its name, how much of it is done, as a bar and in talks, its state, and what it is at."""
    full = BAR * count.done // count.planned
    style = "green" if count.is_done else "cyan" if count.running else "dim"
    said = " of ".join(map("{:,}".format, of_talks(count, moment.run)))
    failed = f", {count.failed} failed" if count.failed else ""
    bar = Text("█" * full + "░" * (BAR - full), style=style)
    return Text(count.name), bar, Text(said), Text(count.state + failed), Text(doing(count, moment))


def padded(text: Text, width: int) -> Text:
    text.pad_right(max(0, width - len(text)) + 2)
    return text


def of_talks(count: Count, run: Run) -> tuple[int, ...]:
    """How many talks of how many a stage has done; nothing of one that isn't counted in talks."""
    rule = OF_TALKS.get(count.name)
    return (len(run.ended(rule)), run.planned[rule]) if run.planned[rule] else ()


def doing(count: Count, moment: Moment) -> str:
    """What a stage is at: the talk, or the training's iteration."""
    running = [job for job in moment.run.running() if IN_WORDS.get(STAGES.get(job.rule)) == count.name]
    if not running:
        return ""
    job = running[-1]
    if job.rule == "adapters" and moment.run.steps and moment.run.steps[-1].time > job.began:
        return ", ".join(moment.run.steps[-1].said.split(", ")[:2])
    return talk_of(job, moment.titles)


def talk_of(job: Job, titles: dict[str, str]) -> str:
    return plain_title(titles.get(job.talk, job.talk))[:60] if job.talk else ""


def time_line(moment: Moment) -> str:
    if not moment.run.planned:
        return f"{as_duration(moment.taken)} so far, planning"
    left = "time left: known once the talks are listed" if moment.left is None else f"about {roughly(moment.left)} left"
    return f"{as_duration(moment.taken)} so far, {left}"


def roughly(seconds: float) -> str:
    """A time as exact as a guess is."""
    if seconds < 10:
        return "10 s"
    if seconds < 300:
        return as_duration(10 * round(seconds / 10))
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else as_duration(60 * minutes)


def spent_line(run: Run) -> str:
    """Talks, calls, tokens, money so far."""
    parts = [counted(len(run.talks), "talk")] if run.talks else []
    if run.asked:
        money = "no money" if run.usd is None else f"{run.usd:.2f} US dollars"
        parts += [counted(len(run.asked), "call") + " to the teacher", f"{in_thousands(run.tokens)} tokens", money]
    return ", ".join(parts)


def line(moment: Moment) -> str:
    """All of it in one line."""
    at = []
    for count in counts(moment.run):
        if not count.is_done and (count.running or count.failed):
            talks = "/".join(map(str, of_talks(count, moment.run)))
            said = f" {talks}" if talks else ""
            what = doing(count, moment)
            at.append(f"{count.name}{said}" + (f" ({what})" if what else ""))
    parts = [", ".join(at), time_line(moment), spent_line(moment.run)]
    return "; ".join(part for part in parts if part)
