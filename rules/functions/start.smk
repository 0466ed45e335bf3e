# What a run does before its first job: it looks at what would stop it later.
from collections import Counter

from understudy.commands.first_checks import check_before_first_job
from understudy.teach.planned import Prompts, requests_of_project
from understudy.teacher.servers import store_identity
from understudy.teacher.store import ResponseStore


def check_first():
    """Print what can be seen before the first job, or end the run with what would stop it later."""
    pending = Counter(job.rule.name for job in workflow.dag.needrun_jobs())
    try:
        page = check_before_first_job(config, pending, has_every_reply_of(pending))
    except UnderstudyError as error:
        raise WorkflowError(str(error))
    if page:
        print(f"Before the first job:\n{page}\n", flush=True)


def has_every_reply_of(pending):
    """The function that says whether the teacher has replied to all that these jobs ask."""

    def has_every_reply():
        if config["fresh"] is not None or "judge" in pending or not Path("data/videos.json").exists():
            return False
        store = ResponseStore(store_identity(teacher_identity(config["teacher"])))
        prompts = Prompts(QUESTIONS_PROMPT, ANSWERS_PROMPT, REWORDED_PROMPT, GROUNDED_PROMPT)
        videos = requests_of_project(Path("data"), config, prompts, SLOTS, store)
        try:
            return all(video.is_known and all(map(store.has, video.all())) for video in videos)
        except UnderstudyError:
            return False

    return has_every_reply
