# Inputs, settings, and shares of the calls in flight of rules/teach.smk.
import math

from understudy.shared.files import read_json
from understudy.shared.run import STOP_FILE
from understudy.teach.progress import spending_summary
from understudy.teach.question_list import slots_of
from understudy.teacher.prompts import is_of_another_prompt
from understudy.teacher.servers import teacher_identity
from understudy.text.transcripts import Reading

SLOTS = slots_of(config["questions"]["per_video"])


def transcript_of_talk(wildcards):
    """The transcript that both passes read."""
    keep_other_talks_going()
    return f"data/transcripts/{wildcards.video_id}.json"


def questions_of_talk(wildcards):
    """The questions that are reworded."""
    keep_other_talks_going()
    return f"data/questions/{wildcards.video_id}.json"


def look_at_questions(wildcards):
    """No file. Without Snakemake's record, have questions of another prompt asked for anew."""
    return look_at_prompt(f"data/questions/{wildcards.video_id}.json", QUESTIONS_PROMPT)


def look_at_answers(wildcards):
    """No file. Without Snakemake's record, have answers of another prompt asked for anew."""
    return look_at_prompt(answer_files(wildcards.video_id)[0], ANSWERS_PROMPT)


def look_at_prompt(path, prompt):
    """No file. What the teacher wrote says by which prompt."""
    if has_no_record(path) and is_of_another_prompt(path, prompt):
        workflow.dag.forcefiles.add(path)
    return []


def answers_of_talk(wildcards):
    """The pairs that the second reader looks through."""
    keep_other_talks_going()
    return answer_files(wildcards.video_id)


def keep_other_talks_going():
    """Let a cluster's job of several talks go on when one of them fails, unless all would. Snakemake hands --keep-going on to no
    job, and has no settings to change before it asks for the first input."""
    if not workflow.is_main_process:
        workflow.execution_settings.keep_going = not STOP_FILE.exists()


def style_with_reading(wildcards, group, keys):
    """Keys of a group that shape what is asked about a talk, and what of source.speaker and corrections.csv changes this talk. It
    is read when its transcript is there; what changes nothing in a talk asks for nothing again."""
    style = {key: config[group][key] for key in keys}
    transcript = Path(f"data/transcripts/{wildcards.video_id}.json")
    if (config["source"]["speaker"] is None and not CORRECTIONS.exists()) or not transcript.exists():
        return style
    with errors_as_messages():
        return style | Reading.of_project(config["source"]["speaker"]).shaping(read_json(transcript))


def style_of_questions(wildcards):
    """What shapes the questions about a talk."""
    return style_with_reading(wildcards, "questions", ("openings", "max_tokens"))


def style_of_answers(wildcards):
    """What shapes the answers of a talk."""
    return style_with_reading(wildcards, "answers", ("voice", "form", "quote", "max_tokens"))


def style_of_grounded(wildcards):
    """What shapes the rewritten answers of a talk."""
    return style_with_reading(wildcards, "answers", ("voice", "form", "max_tokens"))


def answer_files(video_id):
    """One file a slot."""
    return [f"data/answers/{video_id}/{slot}.json" for slot in SLOTS]


def calls_of_all_jobs():
    """The profile's `llm`: how many requests may be in flight at a time."""
    caps = workflow.global_resources
    return caps["llm"].value if "llm" in caps else config["teacher"]["concurrency"]


def calls_of_answers(wildcards):
    """A job's share of the profile's `llm`: as little as lets all jobs together use all of it, because a share idles while its
    job starts and ends; the embedded teacher takes all, so that one model is in memory."""
    total = calls_of_all_jobs()
    if config["teacher"]["gguf"] is not None:
        return total
    # Snakemake runs five more jobs at a time than it has cores, those with `threads: 0` included.
    jobs = min(len(listed_videos()) or 1, (workflow.cores or 1) + 5)
    return max(1, min(math.ceil(total / jobs), config["teacher"]["concurrency"], total))


def calls_of_questions(wildcards):
    """Pass 1 sends one request a job; the embedded teacher takes all, as for the answers."""
    return 1 if config["teacher"]["gguf"] is None else calls_of_all_jobs()


def teacher_threads(wildcards):
    """No core for waiting on a server, all of them for the embedded llama.cpp."""
    return 0 if config["teacher"]["gguf"] is None else workflow.cores


def print_summary_of_teaching():
    """What this run has asked the teacher, if it has."""
    summary = spending_summary(Path("data"))
    if summary:
        print(summary)
