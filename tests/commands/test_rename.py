"""A model gets another name, and nothing that cost anything is made again."""

import shutil
import tarfile

import pytest

from project import REPOSITORY, Project
from understudy.commands.rename import renamed, renamed_settings
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json, write_json

ARCHIVE = REPOSITORY / "tests/finished_project/finished_project.tar.gz"
# Pages that say the name, and what every older project has to do.
PAGES = {"card": 1, "report": 1, "dataset_report": 1, "review_page": 1, "dataset_export": 1}
OF_OLDER_PROJECTS = {"index_block": 1, "index": 1, "gate": 1, "all": 1}


@pytest.fixture
def finished_earlier(tmp_path) -> Project:
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(tmp_path, filter="data")
    return Project(tmp_path / "finished")


def test_only_pages_that_say_the_name_are_written_anew(finished_earlier):
    project = finished_earlier
    gguf = (project / "models/tiny-Q4_K_M.gguf").read_bytes()
    assert "tiny is bruno now" in project.understudy("rename", "bruno")
    assert project.config()["name"] == "bruno"
    assert (project / "models/bruno-Q4_K_M.gguf").read_bytes() == gguf
    assert not list(project.path.glob("models/tiny*")) and not (project / "logs/tiny").exists()
    for file in ("lora.yaml", "commands.sh", "Modelfile", "evaluation/tuned.json", "adapters/adapter_config.json"):
        text = (project / "models/bruno" / file).read_text()
        assert "models/tiny" not in text and "tiny-Q4" not in text, file
    # Moved without its times, too: the sums of what was written anew are right.
    copy = Project(project.path.with_name("copy"))
    shutil.copytree(project.path, copy.path, copy_function=shutil.copyfile)
    assert copy.planned("all") == {**PAGES, **OF_OLDER_PROJECTS}
    shutil.rmtree(project / ".snakemake")
    assert project.planned("models/bruno-Q4_K_M.gguf") == {}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tiny", "The name is 'tiny' already."),
        ("a/b", "'a/b' can't be a name."),
        ("-x y", "can't be a name"),
        ("base", "'base' can't be a name."),
        ("taken", "models/taken is there already."),
    ],
)
def test_a_name_that_can_not_be_one_or_is_taken_changes_nothing(finished_earlier, name, says):
    (finished_earlier / "models/taken").mkdir()
    before = finished_earlier.contents("models/tiny/*.yaml") | finished_earlier.contents("config.yaml")
    assert says in finished_earlier.understudy("rename", "--", name, succeeds=False)
    assert finished_earlier.contents("models/tiny/*.yaml") | finished_earlier.contents("config.yaml") == before


def test_a_run_that_is_under_way_is_not_disturbed(finished_earlier):
    write_json(finished_earlier / ".snakemake/locks/0.input.lock", {})
    assert "A Snakemake run is under way" in finished_earlier.understudy("rename", "bruno", succeeds=False)


def test_config_yaml_keeps_its_comments_and_what_is_elsewhere():
    text = (
        'name: "tiny"   # mine\nevaluation:\n  models:\n    early: models/tiny/adapters/0000024_adapters.safetensors\n'
        "    other: /elsewhere/models/tiny/fused\n    tinier: models/tiny-er/fused\nbase_model: bases/tiny-F16.gguf\n"
    )
    assert renamed_settings(text, "tiny", "new") == (
        'name: "new"   # mine\nevaluation:\n  models:\n    early: models/new/adapters/0000024_adapters.safetensors\n'
        "    other: /elsewhere/models/tiny/fused\n    tinier: models/tiny-er/fused\nbase_model: bases/tiny-F16.gguf\n"
    )
    assert (
        renamed("models/tiny-F16.gguf models/tiny-er.gguf", "tiny", "new") == "models/new-F16.gguf models/tiny-er.gguf"
    )
    with pytest.raises(ConfigurationError, match="no line `name: tiny`"):
        renamed_settings("{name: tiny}\n", "tiny", "new")


def test_a_training_is_found_under_its_new_name(finished_earlier):
    (run,) = (finished_earlier / "models/tiny/runs").iterdir()
    kept = finished_earlier / "models/tiny/adapters/kept.json"
    write_json(kept, {**read_json(kept), "run": run.name})
    finished_earlier.understudy("rename", "bruno")
    (now,) = (finished_earlier / "models/bruno/runs").iterdir()
    assert now.name != run.name
    assert read_json(finished_earlier / "models/bruno/adapters/kept.json")["run"] == now.name
