"""What is seen before the first job."""

import pytest

from fake_hub import MODEL, FakeHub
from hub_models import write_other_family
from understudy.commands.first_checks import check_before_first_job
from understudy.configuration import complete_configuration
from understudy.shared.errors import ConfigurationError

TALK = "1\n00:00:00,000 --> 00:00:04,000\nToday we talk about {}.\n"
EVERYTHING = {"videos": 1, "dataset": 1, "adapters": 1, "fused": 1, "hf": 1, "gguf": 2}


@pytest.fixture
def config(tmp_path, monkeypatch, teacher):
    """Two talks and a teacher that lists its models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "captions").mkdir()
    for subject in ("beans", "peas"):
        (tmp_path / f"captions/{subject}.srt").write_text(TALK.format(subject))
    monkeypatch.setattr(teacher, "models", ["fake-1", "fake-1-mini"])
    return complete_configuration(
        {
            "name": "mine",
            "source": {"captions_dir": "captions"},
            "teacher": {"model": "fake-1", "base_url": teacher.base_url},
            "base_model": "owner/base",
        }
    )


def page(config, pending=EVERYTHING, is_stored=False) -> str:
    return check_before_first_job(config, pending, lambda: is_stored)


def refused(config) -> str:
    with pytest.raises(ConfigurationError) as error:
        page(config)
    return str(error.value)


def test_a_project_that_can_run_is_described(config, teacher):
    said = page(config)
    for line in ("2 talks in captions/", "30 pairs at most: enough to see", "fake-1 at 127.0.0.1, which has it"):
        assert line in said
    assert "its size is not known yet" in said
    assert teacher.asked() == []


def test_too_few_talks_for_the_split_are_refused(config, tmp_path):
    (tmp_path / "captions/peas.srt").write_text("")
    said = refused(config)
    assert "There is 1 talk that can be read" in said and "captions/peas.srt is empty" in said


def test_a_wrong_model_is_named_with_the_right_one(config):
    config["teacher"]["model"] = "fak-1"
    assert "has no model 'fak-1'. Did you mean 'fake-1'?" in refused(config)


def test_a_wrong_key_and_a_server_that_is_down_are_refused(config, teacher, monkeypatch):
    monkeypatch.setattr(teacher, "error", (401, {"error": {"message": "Incorrect API key provided"}}))
    assert "refuses the API key" in refused(config)
    config["teacher"]["base_url"] = "http://127.0.0.1:9/v1"
    assert "can't be reached" in refused(config)


@pytest.mark.parametrize("models", [None, ["something else"], []])
def test_a_server_that_lists_others_or_nothing_is_only_told(config, teacher, monkeypatch, models):
    monkeypatch.setattr(teacher, "models", models)
    assert "fake-1 at 127.0.0.1, which" in page(config)


def test_a_tag_of_ollamas_is_the_model(config, teacher, monkeypatch):
    monkeypatch.setattr(teacher, "models", ["fake-1:latest"])
    assert "which has it" in page(config)


def test_the_server_is_asked_only_where_a_request_is_to_come(config):
    config["teacher"]["base_url"] = "http://127.0.0.1:9/v1"
    assert "every reply is stored" in page(config, is_stored=True)
    assert page(config, {"review": 1, "report": 1}) == ""
    assert "teacher" not in page(config, {"gguf": 1})


def test_a_base_that_is_here_is_measured(config, tiny_base):
    config["base_model"] = str(tiny_base)
    said = page(config)
    for line in ("for the model and its files", "of weights while training", "GGUF              yes, written here"):
        assert line in said


def test_no_room_on_the_disk_is_refused(config, tiny_base, monkeypatch):
    config["base_model"] = str(tiny_base)
    monkeypatch.setattr("understudy.train.machine.free_disk", lambda path: 1000)
    assert "are free on this disk" in refused(config)


def test_an_export_that_can_not_be_made_of_the_base_stops_the_run_before_the_training(config, tmp_path):
    config["base_model"] = str(write_other_family(tmp_path / "base"))
    said = refused(config)
    assert "GGUF can't be made: what llama.cpp computes of HeliumForCausalLM was not compared with MLX" in said
    assert (
        "understudy run models/mine/fused/config.json models/mine/mlx-4bit/config.json models/mine/hf/config.json"
        in said
    )
    # What was trained already is exported as far as it goes.
    for pending in ({"adapters": 1, "fused": 1, "hf": 1}, {"gguf": 1}):
        assert "GGUF              no, " in page(config, pending)
    config["export"]["converter"] = "../llama.cpp/convert_hf_to_gguf.py"
    assert "yes, by export.converter" in page(config)


def test_a_base_that_comes_from_the_hub_is_looked_at_before_it_is_trained_on(project, tmp_path, monkeypatch):
    with FakeHub(write_other_family(tmp_path / "source")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        project.configure(base_model=MODEL)
        trained = set((project / "models/tiny/runs").iterdir())
        said = project.snakemake("models/tiny-Q4_K_M.gguf", succeeds=False)
    assert "its size is not known yet" in said
    assert "GGUF can't be made: what llama.cpp computes of HeliumForCausalLM was not compared with MLX" in said
    assert set((project / "models/tiny/runs").iterdir()) == trained
