# What a run does before its first job: it looks at what would stop it later.
import os
from collections import Counter

from snakemake_logger_plugin_understudy import tell_display
from understudy.commands.first_checks import check_before_first_job
from understudy.shared.run import PLANNED_RULES
from understudy.teach.plan import plan_in_a_line
from understudy.teach.planned import prompts_of_project, requests_of_project
from understudy.teacher.servers import store_identity
from understudy.teacher.store import ResponseStore


def check_first():
    """Print what can be seen before the first job, or end the run with what would stop it later."""
    pending = Counter(job.rule.name for job in workflow.dag.needrun_jobs())
    # A base that comes from the hub is looked at by the job that trains on it.
    os.environ[PLANNED_RULES] = " ".join(pending)
    try:
        page = check_before_first_job(config, pending, has_every_reply_of(pending))
    except UnderstudyError as error:
        raise WorkflowError(str(error))
    if page:
        said = f"Before the first job:\n{page}\n"
        print(said, flush=True)
        tell_display({"event": "page", "text": said})


def has_every_reply_of(pending):
    """The function that says whether the teacher has replied to all that these jobs ask."""

    def has_every_reply():
        if config["fresh"] is not None or "judge" in pending or not Path("data/videos.json").exists():
            return False
        store = ResponseStore(store_identity(teacher_identity(config["teacher"])))
        prompts = prompts_of_project()
        videos = requests_of_project(Path("data"), config, prompts, SLOTS, store)
        try:
            return all(video.is_known and all(map(store.has, video.all())) for video in videos)
        except UnderstudyError:
            return False

    return has_every_reply


def talks_that_are_not_listed(plan):
    """What a dry run says before the talks are listed: the stages of each talk are the costliest, and have no jobs yet."""
    if not {"videos", "dataset"} <= plan.keys() or not has_talks():
        return ""
    talks = len(files_of_source())
    how_many = f"each of {talks} talks" if config["source"]["captions_dir"] else "each talk of the channel"
    said = f"Not in this list until the talks are listed: transcript, questions and answers of {how_many}."
    return f"{said} They take the longest, with the training (adapters). {teaching_to_come(talks)}"


def teaching_to_come(talks):
    """What asking the teacher about talks of usual length takes; nothing where their number isn't known."""
    if not talks or config["source"]["captions_dir"] is None:
        return "`understudy run data/videos.json`, then `understudy plan` says what the teacher takes."
    prompts = prompts_of_project()
    limits = {
        name: limit.value for name, limit in workflow.global_resources.items() if name in ("llm", "question_jobs")
    }
    takes = plan_in_a_line(Path("data"), config, prompts, SLOTS, {"llm": calls_of_all_jobs(), **limits}, talks)
    return f"The teacher: {takes}"
