"""Snakemake's logger plugin `understudy`: writes what happens in a run into a file, a line of JSON each, for the display to read.

Snakemake finds it by its name on sys.path, where understudy/commands/running/snakemake_process.py puts this folder's parent. The
file is named by the environment; without one nothing is written."""

import json
import logging
import os
import time
from collections import Counter
from itertools import chain
from threading import Lock

from snakemake.dag import DAG
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

EVENTS_FILE = "UNDERSTUDY_EVENTS"


class LogHandler(LogHandlerBase):
    """Takes Snakemake's records, in the order in which they were made."""

    needs_rulegraph = False
    has_filter = True
    has_formatter = True
    writes_to_stream = False
    writes_to_file = False

    def __post_init__(self) -> None:
        self._path = os.environ.get(EVENTS_FILE)
        self._writing = Lock()
        write_plans_to(self)

    def emit(self, record: logging.LogRecord) -> None:
        event = event_of(record)
        if event:
            self.write({"time": round(record.created, 3), **event})

    def write(self, event: dict) -> None:
        """Add a line."""
        if self._path:
            with self._writing, open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(event, ensure_ascii=False) + "\n")


def tell_display(event: dict) -> None:
    """Add an event that is no record of Snakemake's, if anybody reads them."""
    if path := os.environ.get(EVENTS_FILE):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time(), 3), **event}, ensure_ascii=False) + "\n")


def event_of(record: logging.LogRecord) -> dict | None:
    """What the display needs of a record; None if nothing."""
    match getattr(record, "event", None):
        case LogEvent.RUN_INFO if hasattr(record, "stats"):
            return {"event": "plan", "jobs": {rule: jobs for rule, jobs in record.stats.items() if rule != "total"}}
        case LogEvent.JOB_INFO:
            return {
                "event": "begins",
                "job": record.jobid,
                "rule": record.rule_name,
                "of": dict(record.wildcards or {}),
                "log": list(record.log or []),
            }
        case LogEvent.JOB_FINISHED:
            return {"event": "ends", "job": record.job_id}
        case LogEvent.JOB_ERROR:
            return {"event": "fails", "job": record.jobid, "rule": record.rule_name, "log": list(record.log or [])}
        case None | LogEvent.ERROR if record.levelno >= logging.WARNING:
            return {"event": "says", "level": record.levelname, "text": record.getMessage()}
    return None


def write_plans_to(handler: LogHandler) -> None:
    """Write how many jobs of each rule the run has, again when a checkpoint has changed it; the first plan is a record."""
    after_update_of_snakemake = DAG.postprocess_after_update

    async def postprocess_after_update(dag: DAG) -> None:
        await after_update_of_snakemake(dag)
        jobs = Counter(job.rule.name for job in chain(dag.needrun_jobs(), dag.finished_jobs))
        handler.write({"time": round(time.time(), 3), "event": "plan", "jobs": jobs})

    DAG.postprocess_after_update = postprocess_after_update
