"""The files of a new project: config.yaml with its comments, README.md, prompts, and what git leaves out."""

import json
from pathlib import Path
from typing import NamedTuple

from understudy.commands.new.choices import Choice
from understudy.shared.checkout import REPOSITORY
from understudy.source.captions.formats import SUFFIXES
from understudy.teacher.prompts import PLACEHOLDERS

PROMPTS = Path(__file__).with_name("prompts")
# A model that is as small as this repeats what a longer prompt says, instead of doing it.
PROMPTS_OF_A_TINY_TEACHER = {
    "questions.md": "Write {{ count }} questions that a beginner asks about {{ title }}.\n",
    "answers.md": "{{ question }} Answer as {{ voice }}, with sentences from the talk about {{ title }}.\n",
}


class Wanted(NamedTuple):
    """What a new project is to be; `channel` is None where the talks are files in captions/."""

    name: str
    channel: str | None
    whose: str
    rights: str
    voice: str
    language: str
    teacher: Choice
    base: Choice


TRAINING = """\
training:                            # mlx_lm's own names: docs/training.md
  epochs: 2
  num_layers: 12
  learning_rate: 1e-5
  grad_accumulation_steps: 8
  max_seq_length: 1024               # rows with passages are longer
"""
TRAINING_OF_A_TINY_MODEL = """\
training:                            # for a model of a few hundred million parameters: docs/training.md
  epochs: 1
  num_layers: 8
  lora_parameters: {rank: 8, scale: 4.0, dropout: 0.0}
  learning_rate: 5e-4
  grad_accumulation_steps: 1
  grad_checkpoint: false
  max_seq_length: 768                # rows with passages are longer
  steps_per_eval: 100
  steps_per_report: 10

evaluation:                          # on a CPU more takes long
  max_examples: 20
  max_tokens: 320
"""
GROUNDING = """\
grounding:
  rows: true                         # rows with passages, so that the model learns to answer from them: docs/answering.md
  refusal_fraction: 0                # small models that learn to refuse refuse everything; the gate refuses instead
"""
# With more of them its answers without passages repeat themselves: docs/answering.md, Does it help?
GROUNDING_OF_A_TINY_MODEL = """\
  plain_fraction: 0.7                # a small model that has more rows with passages repeats itself without them
  passage_words: 200
"""
# One that goes in circles has a file all the same: the first run of a small project ends with something to look at.
EXPORT_OF_A_TINY_MODEL = (
    "  bad_answers: warn                  # a small model may go in circles: its file is kept, and the run says so\n"
)
QUESTIONS = """\
questions:
  per_video: 15                      # at most so many questions a talk
"""
# A model of this size repeats its questions: docs/teaching.md, Small models.
QUESTIONS_OF_A_TINY_TEACHER = """\
questions:                           # a teacher as small as this needs a form: docs/teaching.md, Small models
  per_video: 3
  openings: [How, When, Why]         # the words that the questions begin with, in the language of the talks
  max_tokens: 300
  naive_fraction: 0
"""
FORM = "  form: schema                       # a small teacher holds no format by itself\n"
FORM_OF_A_TINY_TEACHER = """\
  form: schema
  quote: true                        # its answers are the talks' own sentences: captions need full stops, talks 24 sentences
  max_tokens: 480
"""


def config_text(wanted: Wanted) -> str:
    """config.yaml with its comments."""
    teacher, base = wanted.teacher, wanted.base
    if wanted.channel is None:
        kinds = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        talks = f"  captions_dir: captions             # {kinds}; or channel: '@handle'"
    else:
        talks = f"  channel: {quoted(wanted.channel)}    # or captions_dir: captions, for caption files"
    questions = QUESTIONS_OF_A_TINY_TEACHER if teacher.is_tiny else QUESTIONS
    form = FORM_OF_A_TINY_TEACHER if teacher.is_tiny else FORM if teacher.is_small else ""
    return f"""\
# Every key, with its default: docs/configuration.md of Understudy. `understudy run` makes what a change asks for, and no more.
name: {quoted(wanted.name)}

source:
{talks}
  languages: [{quoted(wanted.language)}]
  whose: {quoted(wanted.whose)}    # whose talks these are, and by what right: the model's card says it
  rights: {quoted(wanted.rights)}

teacher:                             # the model that writes questions and answers
{lines_of(teacher.settings)}{sampling(teacher)}
{questions}
answers:
  voice: {quoted(wanted.voice)}    # say in a few words how they speak, and to whom
{form}
dataset:
  valid_fraction: 0.2                # of the rows, by whole talks; held out to see whether it worked
{second_reader(teacher)}
{GROUNDING}{GROUNDING_OF_A_TINY_MODEL if base.is_tiny else ""}
base_model: {quoted(base.settings["base_model"])}

{TRAINING_OF_A_TINY_MODEL if base.is_tiny else TRAINING}
export:
  quantizations: [Q4_K_M]
{EXPORT_OF_A_TINY_MODEL if base.is_tiny else ""}
# A sentence under every answer and in the card:
# answering: {{notice: "This is not medical advice."}}
"""


def second_reader(teacher: Choice) -> str:
    """`dataset.second_reader` where a server teaches: an embedded model small enough to run here judges nothing."""
    return (
        "  second_reader: true                # the teacher model looks through the finished pairs: docs/dataset.md\n"
        if "model" in teacher.settings
        else ""
    )


def sampling(teacher: Choice) -> str:
    """What else shapes an embedded teacher's replies."""
    if "model" in teacher.settings:
        return ""
    return "  temperature: 0.4\n  seed: 7\n"


def lines_of(settings: dict[str, str]) -> str:
    return "".join(f"  {key}: {quoted(value)}\n" for key, value in settings.items())


def quoted(text: str) -> str:
    """A text as YAML takes it, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def files_of(wanted: Wanted) -> dict[str, str]:
    """The files of the project by path, with their text."""
    shared = REPOSITORY / "prompts"
    prompts = {name: (own if (own := PROMPTS / name).is_file() else shared / name) for name in PLACEHOLDERS}
    told = {name: path.read_text(encoding="utf-8") for name, path in prompts.items()}
    told |= PROMPTS_OF_A_TINY_TEACHER if wanted.teacher.is_tiny else {}
    return {
        "config.yaml": config_text(wanted),
        "README.md": readme(wanted),
        ".gitignore": "/data/\n/models/\n/logs/\n/packs/\n/.snakemake/\n.env\n",
        **{f"prompts/{name}": text for name, text in told.items()},
    }


def readme(wanted: Wanted) -> str:
    """What the folder is, and what to type."""
    talks = "Put the caption files into `captions/`." if wanted.channel is None else f"The talks: `{wanted.channel}`."
    return f"""\
# {wanted.name}

A small model that answers in the voice of {wanted.whose}, made with Understudy from their talks ({wanted.rights}).

{talks} What the teacher model is told is in `prompts/`, all settings in `config.yaml`.
A key for a server goes into `.env` here, as `OPENAI_API_KEY=...`.
In this folder:

    understudy run data/index/index.json    # the talks, searchable: takes no teacher and no money
    understudy search "..."
    understudy plan                         # calls, tokens, money and time of the teacher
    understudy preview                      # three questions and answers of one talk, beside its transcript
    understudy run                          # everything; run it again after a stop, it goes on
    understudy open                         # the report: did it work?
    understudy review                       # every pair, to keep, reject or edit
    understudy chat                         # talk to the model, with the places in the talks
    understudy update                       # new talks, searchable at once
"""
