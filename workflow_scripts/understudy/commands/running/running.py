"""Run Snakemake on the project in the working directory and show the whole job in one display."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live

from understudy.commands.running import snakemake_process
from understudy.commands.running.ending import causes, last_lines, plain_cause
from understudy.commands.running.events import Run
from understudy.commands.running.picture import Moment, line, picture
from understudy.commands.running.rates import known_rates, learn
from understudy.commands.running.stages import IN_WORDS, STAGES
from understudy.commands.running.stopping import stopping_on_signals
from understudy.commands.running.time_left import Steady, TimeLeft
from understudy.commands.running.watching import Watch
from understudy.commands.running.work import Project
from understudy.commands.summary import summary
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.folder_lock import alone_in
from understudy.shared.formats import counted
from understudy.shared.log import log as says
from understudy.source.video_list import VideoList
from understudy.teach.progress import spending_summary

RUNS = Path("logs/runs")
RUNS_KEPT = 10
EVENTS_FILE = "UNDERSTUDY_EVENTS"
LOOK_EVERY_S, LINE_EVERY_S = 0.3, 60.0
# The next line comes after a third of the time until then, so that a run of a day has as few as can be read.
SHARE_UNTIL_NEXT_LINE = 3
IN_USE = UnderstudyError(
    "Another run is under way in this project. Wait for its end, or stop it with Ctrl-C where it runs; then the same command."
)
# So many times as long as the time left takes to compute, it isn't computed again.
SHARE_FOR_GUESSING = 20
LOGGED = re.compile(r"^\S+ \S+ [A-Z]+ ")
VIDEOS = "data/videos.json"
# With these Snakemake only tells something, on its standard output, or needs no display.
TELLS = re.compile(
    r"-[npqrF]*n[npqrF]*$|-[hvlSDt]$|--(dry-?run|help|version|lint|list.*|summary|detailed-summary|dag|rulegraph|filegraph|d3dag|unlock"
    r"|cleanup.*|report.*|archive|touch|delete.*|containerize|conda-(cleanup|create|list).*|verbose|print-compilation|export.*)(=.*)?$"
)
# Its jobs may run on other machines.
ELSEWHERE = re.compile(r"-e|--executor|--(workflow-)?profile")


def only_tells(arguments: list[str]) -> bool:
    """Whether Snakemake, with these arguments, runs no jobs that take time."""
    return any(TELLS.match(argument) for argument in arguments)


def run_shown(own: list[str], given: list[str], config: dict, again: str, is_all: bool = True) -> int:
    """Run Snakemake with our `own` options and what the user has `given`, and return its exit status, 130 after Ctrl-C; `again`
    is the command that goes on. It ends with what was made if that `is_all` that was wanted.

    Raises UnderstudyError if another run is under way in this project."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with alone_in(RUNS, IN_USE):
        return run_alone(own, given, config, again, is_all)


def run_alone(own: list[str], given: list[str], config: dict, again: str, is_all: bool) -> int:
    started = time.time()
    log, events = new_files(started)
    run = Run(began=started)
    watch = Watch(events, config)
    project = Project.of(config)
    with (
        log.open("w", encoding="utf-8") as output,
        running_snakemake([*own, *given], events, output) as process,
        stopping_on_signals(process, any(ELSEWHERE.match(word) for word in given)) as stopping,
        shown_on_terminal()
        if is_terminal()
        else shown_in_lines(f"{config['name']}: the log is {log}" if is_all else "") as show,
    ):
        look = Look(run, watch, TimeLeft(project, *known_rates(config["name"])), show)
        while process.poll() is None:
            run.is_stopped = stopping.was_asked
            look.again(stopping.waits_for(run))
            stopping.see_to_it(run)
            time.sleep(LOOK_EVERY_S)
    for event in watch.new_events():
        run.take(event)
    learn(run, project)
    if stopping.was_asked:
        print(stopped_line(run, again))
        return 130
    if process.returncode:
        print("\n".join([*causes(run, log), f"Log: {log}", f"To go on: {again}"]))
    elif is_all and not run.jobs:
        print("Nothing to be done: all that was asked for is there.")
    elif is_all:
        print("\n".join(filter(None, [spending_summary(Path("data")), summary(Path(), config["name"], started)])))
    return process.returncode


class Look:
    """Looks at what has happened in a run, and shows it."""

    def __init__(self, run: Run, watch: Watch, time_left: TimeLeft, show: Callable[[Moment], None]):
        self._run = run
        self._watch = watch
        self._time_left = time_left
        self._steady = Steady(run.began)
        self._show = show
        self._can = True
        self._again_at = 0.0
        self._left: float | None = None

    def again(self, note: str = "") -> None:
        """Show the run as it is now, and the note. A run of hours doesn't end for a fault in its display."""
        if not self._can:
            return
        try:
            for event in self._watch.new_events():
                self._run.take(event)
                if event["event"] == "page":
                    # What was looked at before the first job stays above the picture.
                    print(event["text"], flush=True)
            now = time.time()
            # With 5,000 talks it takes a moment.
            if now > self._again_at:
                self._left = self._steady.shown(stage_now(self._run), now, self._time_left.seconds(self._run, now))
                self._again_at = time.time() + 1 + SHARE_FOR_GUESSING * (time.time() - now)
            self._show(Moment(self._run, now - self._run.began, self._left, titles(), last_said(self._run), note))
        except BrokenPipeError:
            # Whoever read this has seen enough.
            raise
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
            self._can = False
            says.warning("The display can't go on (%s: %s); the run does.", type(error).__name__, error)


@contextmanager
def running_snakemake(arguments: list[str], events: Path, output) -> Iterator[subprocess.Popen]:
    """Snakemake in a process group of its own, which alone gets Ctrl-C; started in the checkout, for it evaluates the profiles of
    the folder that it is started in."""
    command = [sys.executable, snakemake_process.__file__, "--logger", "understudy", *arguments]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, EVENTS_FILE: str(events.absolute())},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )
    try:
        yield process
    except BaseException:
        os.killpg(process.pid, signal.SIGINT)
        raise
    finally:
        process.wait()


def new_files(started: float) -> tuple[Path, Path]:
    """The log of a run, which has all that Snakemake and its jobs print, and the file of its events; old ones go."""
    for path in sorted(RUNS.glob("*.*"))[: -2 * (RUNS_KEPT - 1)]:
        path.unlink()
    name = time.strftime("%Y%m%d-%H%M%S", time.localtime(started))
    return RUNS / f"{name}.log", RUNS / f"{name}.jsonl"


def is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def shown_on_terminal() -> Iterator:
    """Redraws the picture in its place; it goes when the run ends."""
    with Live(console=Console(file=sys.stdout), auto_refresh=False, transient=True) as live:
        yield lambda moment: live.update(picture(moment), refresh=True)


@contextmanager
def shown_in_lines(first: str) -> Iterator:
    """A first line, then a line a minute, and fewer the longer it takes."""
    if first:
        print(first, flush=True)
    next_at, noted = LINE_EVERY_S, ""

    def show(moment: Moment) -> None:
        nonlocal next_at, noted
        if moment.note not in ("", noted):
            noted = moment.note
            print(noted, flush=True)
        if moment.taken >= next_at:
            next_at = moment.taken + max(LINE_EVERY_S, moment.taken / SHARE_UNTIL_NEXT_LINE)
            print(line(moment), flush=True)

    yield show


def stage_now(run: Run) -> str:
    """The first stage that is running; asking and answering go on at once and are one."""
    running = {STAGES[job.rule] for job in run.running() if job.rule in STAGES}
    stage = next((stage for stage in IN_WORDS if stage in running), "")
    return "teaching" if stage in ("questions", "answers") else stage


def titles() -> dict[str, str]:
    """The talks' titles by id, as far as they are listed."""
    try:
        return {record["video_id"]: str(record.get("title", "")) for record in VIDEO_LIST.records()}
    except (InputFileError, OSError, LookupError, TypeError):
        return {}


VIDEO_LIST = VideoList(VIDEOS)


def last_said(run: Run) -> list[str]:
    """What the running jobs said last, after warnings and errors."""
    said = [line for _, text in run.says if (line := plain_cause(text))][-1:]
    for job in run.running()[-2:]:
        said += [LOGGED.sub("", text) for path in job.logs for text in last_lines(Path(path), 1)]
    return said


def stopped_line(run: Run, again: str) -> str:
    """What is kept of a run that was stopped, and what to type."""
    finished = sum(not job.is_running and not job.has_failed for job in run.jobs.values())
    kept = [counted(finished, "finished step")] if finished else []
    if run.asked:
        kept.append(
            counted(len(run.asked), "stored reply") if len(run.asked) == 1 else f"{len(run.asked):,} stored replies"
        )
    if run.steps:
        kept.append("the training up to its last save")
    what = f"kept are {', '.join(kept)}, and what earlier runs made" if kept else "what earlier runs made is kept"
    return f"Stopped; {what}: `{again}` goes on from there."
