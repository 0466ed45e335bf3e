"""A wrong configuration stops before any job, with one message that names the key and what it takes."""

import shutil

import pytest
import yaml

from project import MODEL, REPOSITORY
from understudy.configuration import complete_configuration
from understudy.shared.errors import ConfigurationError

SCHEMA = REPOSITORY / "schemas/config.schema.yaml"
SMALLEST = {
    "name": "x",
    "source": {"channel": "https://www.youtube.com/@x"},
    "teacher": {"model": "m"},
    "base_model": "org/base",
}


def keys_of(part: dict, path: str = ""):
    for key, value in part.get("properties", {}).items():
        yield f"{path}{key}", value
        yield from keys_of(value, f"{path}{key}.")


def test_every_key_has_a_description_and_a_default():
    for name, part in keys_of(yaml.safe_load(SCHEMA.read_text())):
        assert part.get("description"), name
        required = name in (
            "name",
            "base_model",
            "teacher.prices.input",
            "teacher.prices.output",
            "teacher.prices.cached_input",
            "training.lr_schedule.name",
            "training.lr_schedule.arguments",
        )
        assert required or "default" in part, name


def test_defaults_are_those_of_the_design():
    config = complete_configuration(SMALLEST, SCHEMA)
    assert config["training"]["lora_parameters"] == {"rank": 8, "scale": 20.0, "dropout": 0.0}
    assert config["training"]["learning_rate"] == 1e-5
    assert config["questions"]["per_video"] == 15
    assert config["export"]["quantizations"] == ["F16", "Q4_K_M"]


def test_a_learning_rate_that_yaml_takes_for_text_is_a_number():
    training = {"learning_rate": "1e-5"}  # what YAML 1.1 makes of an unquoted 1e-5, too
    assert complete_configuration({**SMALLEST, "training": training}, SCHEMA)["training"]["learning_rate"] == 1e-5


def test_a_schedules_numbers_may_be_written_in_the_same_way():
    training = {"lr_schedule": {"name": "cosine_decay", "arguments": ["1e-5", 340]}}  # what YAML 1.1 makes of it
    schedule = complete_configuration({**SMALLEST, "training": training}, SCHEMA)["training"]["lr_schedule"]
    assert schedule["arguments"] == [1e-5, 340]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trainig": {}}, "trainig is not a key. Did you mean training?"),
        ({"training": {"alpha": 16}}, "set training.lora_parameters.scale to alpha / rank"),
        ({"training": {"learning_rate": "fast"}}, "training.learning_rate is 'fast'; it takes a number"),
        ({"training": {"epochs": 0}}, "training.epochs is 0; it takes a number over 0"),
        (
            {"training": {"seed": 2**32}},
            "training.seed is 4294967296; it takes a whole number from 0 and up to 4294967295",
        ),
        ({"training": {"num_layers": 0}}, "training.num_layers is 0; it takes -1 for all"),
        ({"training": {"val_batches": 0}}, "training.val_batches is 0; it takes -1 for all"),
        ({"dataset": {"valid_fraction": 0}}, "dataset.valid_fraction is 0; it takes a number over 0 and up to 0.5"),
        ({"questions": {"per_video": "many"}}, "questions.per_video is 'many'; it takes a whole number"),
        ({"export": {"quantizations": ["Q9_K"]}}, "export.quantizations.0 is 'Q9_K'; it takes one of F32, F16"),
        ({"name": "base"}, "name is 'base'"),
        ({"name": "../up"}, "name is '../up'"),
        (
            {"source": {}},
            "source takes `channel` (an address), `captions_dir` (a folder of caption files), or both; or `pairs`",
        ),
        ({"teacher": {}}, "teacher takes either `model`"),
        (
            {"source": {"pairs": "p.csv", "channel": "@x"}},
            "source.channel is set, too. Pairs beside talks go into dataset.extra",
        ),
        ({"source": {"pairs": "p.csv"}, "dataset": {"extra_pairs": "q.csv"}}, "dataset.extra_pairs is set, too"),
        ({"source": {"pairs": "p.csv"}, "grounding": {"rows": True}}, "grounding.rows takes talks with transcripts"),
        ({"source": {"pairs": "p.csv"}, "dataset": {"second_reader": True}}, "dataset.second_reader takes talks"),
        ({"source": {"pairs": "p.csv"}, "teacher": {}, "evaluation": {"judge": True}}, "teacher takes either `model`"),
        ({"retrieval": {"embedder": {"gguf": "g.gguf", "base_url": "http://x", "model": "m"}}}, "takes either `gguf`"),
        ({"retrieval": {"embedder": {"base_url": "http://x"}}}, "takes `base_url` and `model` together"),
        ({"retrieval": {"embedder": {"gguf": "models/x-Q4_K_M.gguf"}}}, "which this project makes"),
        ({"teacher": {"model": "m", "gguf": "g.gguf"}}, "teacher takes either `model`"),
        ({"teacher": {"model": "m", "budget_usd": 1}}, "teacher.budget_usd needs teacher.prices"),
        ({"teacher": "gpt"}, "teacher is 'gpt'; it takes a group of keys"),
    ],
)
def test_the_message_names_the_key_and_what_it_takes(change, message):
    with pytest.raises(ConfigurationError) as error:
        complete_configuration({**SMALLEST, **change}, SCHEMA)
    assert message in str(error.value)


def test_pairs_alone_need_no_teacher():
    alone = {"name": "x", "source": {"pairs": "p.csv"}, "base_model": "owner/base"}
    assert complete_configuration(alone, SCHEMA)["teacher"]["model"] is None


def test_a_missing_key_says_what_it_takes():
    with pytest.raises(ConfigurationError, match=r"base_model is missing; it takes text.*The model to tune"):
        complete_configuration({key: value for key, value in SMALLEST.items() if key != "base_model"}, SCHEMA)


def without_prompt(project):
    workflow = project.path.parent / "workflow"
    workflow.mkdir()
    for file in ("Snakefile", "pyproject.toml"):
        shutil.copy(REPOSITORY / file, workflow)
    for folder in ("rules", "schemas", "workflow_scripts", "profiles", "envs", "prompts", "report"):
        shutil.copytree(REPOSITORY / folder, workflow / folder)
    (workflow / "prompts/answers.md").unlink()
    (project / "prompts/answers.md").unlink()
    return ["--snakefile", str(workflow / "Snakefile")]


def with_change(**change):
    def prepare(project):
        project.configure(**change)
        return []

    return prepare


def with_empty_captions(project):
    for path in (project / "captions").iterdir():
        path.unlink()
    return []


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (with_change(treacher={"model": "x"}), "treacher is not a key. Did you mean teacher?"),
        (with_change(questions={"per_video": "ten"}), "questions.per_video is 'ten'; it takes a whole number"),
        (with_change(dataset={"valid_fraction": 0}), "dataset.valid_fraction is 0; it takes a number"),
        (with_change(export={"quantizations": ["Q4_K_X"]}), "export.quantizations.0 is 'Q4_K_X'; it takes one of"),
        (with_change(dataset={"extra_pairs": "nothing.jsonl"}), "dataset.extra_pairs is 'nothing.jsonl'"),
        (with_change(teacher={"model": None, "gguf": "no.gguf"}), "teacher.gguf is 'no.gguf'"),
        (without_prompt, "prompts/answers.md is missing"),
        (with_empty_captions, "source.captions_dir is 'captions': the folder has no caption files"),
    ],
    ids=["unknown key", "wrong type", "valid_fraction", "quantization", "extra_pairs", "gguf", "prompt", "captions"],
)
def test_snakemake_stops_before_any_job(new_project, prepare, message):
    said = new_project.snakemake(*prepare(new_project), "--", MODEL, succeeds=False)
    assert message in said
    assert "Traceback" not in said
    assert not (new_project / "data").exists()


def source_with(**keys) -> dict:
    return {**SMALLEST, "source": {**SMALLEST["source"], **keys}}


@pytest.mark.parametrize("teacher", [{"budget_usd": float("nan")}, {"prices": {"input": float("inf"), "output": 1}}])
def test_money_without_end_or_value_is_refused(teacher):
    with pytest.raises(
        ConfigurationError, match=r"teacher\.(?:budget_usd|prices\.input) is (?:nan|inf); it takes a number"
    ):
        complete_configuration({**SMALLEST, "teacher": {**SMALLEST["teacher"], **teacher}}, SCHEMA)


def test_what_yaml_makes_of_dates_and_numbers_is_undone():
    given = yaml.safe_load("{published_after: 2024-05-01, max_videos: 2.0}")
    source = complete_configuration(source_with(**given), SCHEMA)["source"]
    assert (source["published_after"], source["max_videos"]) == ("2024-05-01", 2)


def test_values_given_on_the_command_line_as_text_are_what_they_stand_for():
    given = {**SMALLEST, "dataset": {"allow_missing": "true", "seed": "7"}, "training": {"learning_rate": "1e-4"}}
    config = complete_configuration(given, SCHEMA)
    assert config["dataset"]["allow_missing"] is True
    assert (config["dataset"]["seed"], config["training"]["learning_rate"]) == (7, 1e-4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"published_after": "2024-13-01"}, "there is no such day"),
        ({"title_include": ["a("]}, "source.title_include has 'a(': no regular expression"),
        ({"pause_s": float("nan")}, "source.pause_s takes a number of seconds"),
        ({"proxy": "http://user:s3cret@host:1"}, "UNDERSTUDY_PROXY"),
        ({"proxy": "user:s3cret@host:1"}, "source.proxy is not usable"),
        ({"tabs": ["live"]}, "one of videos, shorts, streams"),
    ],
)
def test_a_source_that_can_not_be_says_why_and_shows_no_login(keys, message):
    with pytest.raises(ConfigurationError) as raised:
        complete_configuration(source_with(**keys), SCHEMA)
    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_login_in_the_address_of_the_teacher_is_refused_and_not_shown():
    given = {**SMALLEST, "teacher": {"model": "m", "base_url": "https://user:s3cret@host/v1"}}
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as raised:
        complete_configuration(given, SCHEMA)
    assert "s3cret" not in str(raised.value)
