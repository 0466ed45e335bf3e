"""The model's card: what it tells, under which licence, and that nothing from outside is more than text in it."""

import html
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from understudy.models.licence import Licence, head_of_readme, licence_of
from understudy.passages.frame import framed
from understudy.passages.sources import Passage
from understudy.report.card.card import write_model_card
from understudy.report.card.usage import Exports
from understudy.shared.files import read_json, write_json, write_json_lines
from understudy.shared.safe_markdown import as_markdown, plain_title
from understudy.train.lora_config import write_lora_config
from understudy.train.metrics import COLUMNS

HOSTILE = "a](javascript:alert(1)) <script>alert(2)</script> | `x` ![i](http://x/y.png)\n---\nlicense: mit\n# Big\n"
TRAINING = {"epochs": 1, "num_layers": 2, "batch_size": 1, "learning_rate": 1e-4, "optimizer": "adamw", "seed": 7}
SOURCE = {"source": "owner/Base-1B", "kind": "hub", "revision": "0123abc"}


def as_html(markdown: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)


def body_of(card: str) -> str:
    return card.split("\n---\n", 1)[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The records of a finished project with three talks, one of them without captions, one without answers."""
    monkeypatch.chdir(tmp_path)
    videos = [
        video("talk1", "Peas"),
        video("talk2", "Beans"),
        video("talk3", HOSTILE),
        video("talk4", "Slugs & snails"),
    ]
    write_json("data/videos.json", videos)
    for talk, title, status in (
        ("talk1", "Peas", "ok"),
        ("talk2", "Beans", "ok"),
        ("talk4", "Slugs & snails", "unavailable"),
    ):
        segments = [[0.0, 1800.0, "hello"]] if status == "ok" else []
        write_json(
            f"data/transcripts/{talk}.json",
            {"video_id": talk, "title": title, "status": status, "reason": "x", "language": "en", "kind": "manual"}
            | {"segments": segments, "text": ""},
        )
    report = {
        "videos": 4,
        "missing_videos": ["talk3"],
        "unavailable": {"talk4": "captions are off"},
        "languages": {"en-GB": 1, "de": 1},
        "pairs": {"teacher": 20, "extra_pairs": 4},
        "rejected": {"too_short": 3},
        "rows": {"train": 1500, "valid": 4},
        "split": {"videos": {"train": 1, "valid": 1}, "videos_on_both_sides": [], "near_duplicates_across": 0},
    }
    write_json("data/dataset/report.json", report)
    write_json_lines("data/dataset/pairs.jsonl", [{"question_model": "gpt-5-mini", "answer_model": "o`x"}])
    write_json_lines("data/dataset/train.jsonl", [{"messages": []}] * 10)
    folder = tmp_path / "models/fung"
    write_lora_config(TRAINING, "data/dataset/train.jsonl", "models/base/b/config.json", "models/fung/lora.yaml")
    numbers = dict.fromkeys(COLUMNS, "") | {"iteration": 10, "train_loss": 2.0, "seconds": 6840}
    (folder / "metrics.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(map(str, numbers.values()))}\n")
    kept = {"kept": {"keep": "best", "iteration": 8, "valid_loss": 1.9}, "first_valid_loss": 3.5}
    for part in ("adapters", "hf", "fused"):
        (folder / part).mkdir()
        (folder / part / "config.json").write_text("{}")
    write_json(folder / "adapters/kept.json", kept)
    (folder / "adapters/adapters.safetensors").write_bytes(b"abc")
    (folder / "hf/model.safetensors").write_bytes(bytes(3_000_000))
    (tmp_path / "models/fung-Q4_K_M.gguf").write_bytes(bytes(2_000_000))
    write_json("models/base/b/config.json", {})
    write_json("models/base/b/understudy_source.json", SOURCE)
    (tmp_path / "models/base/b/README.md").write_text("---\nlicense: llama3.2\n---\n# Base\n")
    return tmp_path


def video(video_id: str, title: str) -> dict:
    return {"video_id": video_id, "title": title, "channel": "https://www.youtube.com/@fung/videos", "duration_s": 60}


def written(
    repository=None, named=("Q4_K_M",), share=None, voice="Dr. Jason Fung, explaining", proof="", **said
) -> str:
    folder = "models/fung"
    paths = {
        "videos": "data/videos.json",
        "transcripts": "data/transcripts",
        "report": "data/dataset/report.json",
        "pairs": "data/dataset/pairs.jsonl",
        "train": "data/dataset/train.jsonl",
        "lora_config": f"{folder}/lora.yaml",
        "metrics": f"{folder}/metrics.csv",
        "adapters": f"{folder}/adapters/adapters.safetensors",
        "base": "models/base/b",
        "models": "models",
    }
    write_model_card(
        paths, Exports("fung", repository, list(named)), voice, share, f"{folder}/README.md", proof, **said
    )
    with open(f"{folder}/README.md", encoding="utf-8") as card:
        return card.read()


def test_what_stands_under_every_answer_stands_in_the_card_as_text(project):
    assert "\nThis is not \\[advice\\]." in written(notice="This is not [advice].")
    long = "This is no advice. " * 40
    assert f"\n{long.strip()}\n" in written(notice=long)


def test_the_head_is_what_the_hub_reads(project):
    card = written()
    assert yaml.safe_load(card.split("---\n")[1]) == {
        "base_model": "owner/Base-1B",
        "language": ["en", "de"],
        "library_name": "transformers",
        "license": "llama3.2",
        "pipeline_tag": "text-generation",
        "tags": ["understudy", "lora", "gguf"],
    }


def test_the_card_tells_of_rows_with_passages_where_there_are_some(project):
    report = read_json("data/dataset/report.json")
    assert "rows have passages" not in written()
    rows = {"true_passage": 30, "misses_alone": 10, "small_talk": 3, "outside_field": 2}
    write_json("data/dataset/report.json", report | {"grounding": {"rows": rows}})
    told = "42 training rows have passages of the talks beside the question; in 12 of them the answer is that no talk says it."
    assert told in written()


def test_the_card_tells_of_talks_training_files_and_origin(project):
    card = written(share=0.1)
    for part in (
        "2 talks, 1 h 00 min, of https://www.youtube.com/@fung/videos. Languages: en-GB, de.",
        "24 pairs of a question and an answer: 20 written by a model from the captions, 4 written by hand; 3 of them rejected.",
        "| trained on | 1,500 | 1 |",
        "no held-out row comes from a talk that was trained on, and none is nearly one of the training's.",
        "10% of the training rows are general chat",
        "Listed, but without captions: *Slugs &amp; snails*.",
        "LoRA adapters on the last 2 layers of the base model, by mlx\\_lm: 10 of 10 iterations in 1 h 54 min.",
        "adapters of iteration 8 (keep: best)",
        "3.500 before the first step, 1.900 with the adapters",
        "![Loss on the training rows and on the held-out rows over the iterations](loss.svg)",
        "| learning\\_rate | 0.0001 |",
        "| lora\\_parameters.rank | 8 |",
        "| models/fung/hf/ | 3 MB |",
        "| models/fung-Q4\\_K\\_M.gguf | 2 MB |",
        "llama-server -m models/fung-Q4_K_M.gguf",
        "Built with Llama.",
        "llama3.2, as [owner/Base-1B](https://huggingface.co/owner/Base-1B) says.",
        "| base model | owner/Base-1B at 0123abc |",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "not medical, legal or financial advice",
    ):
        assert part in card, part
    assert str(project) not in card and "models/base" not in card


def test_a_published_card_has_the_hubs_names(project):
    card = written("owner/fung-3b", ["adapters", "fused", "Q4_K_M"])
    for part in (
        "llama-server -hf owner/fung-3b:Q4_K_M",
        "ollama run hf.co/owner/fung-3b:Q4_K_M",
        "lms get https://huggingface.co/owner/fung-3b",
        "mlx_lm.generate --model owner/fung-3b",
        'model="owner/fung-3b"',
        "mlx_lm.generate --model owner/Base-1B --adapter-path fung/adapters",
        "| fung-Q4\\_K\\_M.gguf |",
        "| adapters/ |",
        "| fused/ |",
    ):
        assert part in card, part
    assert "models/" not in card


def test_an_mlx_folder_is_listed_with_how_it_is_run(project):
    folder = project / "models/fung/mlx-4bit"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(4_000_000))
    card = written(named=["Q4_K_M", "mlx-4bit"])
    assert (
        "| models/fung/mlx-4bit/ | 4 MB | the model in 4 bits a weight, for mlx\\_lm and LM Studio on a Mac |" in card
    )
    assert "mlx_lm.generate --model models/fung/mlx-4bit --temp 0.3" in card
    published = written("owner/fung-3b", named=["mlx-4bit"])
    assert (
        'hf download owner/fung-3b --include "mlx-4bit/*" --local-dir fung\nmlx_lm.generate --model fung/mlx-4bit'
        in published
    )
    assert "gguf" not in yaml.safe_load(published.split("---\n")[1])["tags"]


def test_the_card_says_what_other_programs_lack_and_how_passages_are_given(project):
    card = written()
    assert "Ollama, LM Studio and other programs\nhave none of that" in card and "\nOther programs" not in card
    passages = [Passage("v", "Title of a talk", "2024-01-01", None, 126.0, 130.0, "what is said there", "", 1.0)]
    first, line, *_, last = framed("what is asked", passages).split("\n")
    assert f"```text\n{first}\n{line}\n" in card and f"\n\n{last}\n```" in card


def test_the_card_says_that_the_talks_text_is_published_where_it_is(project):
    assert "holds the whole text of the talks" in written("owner/fung", with_transcripts=True)
    assert "holds the whole text" not in written("owner/fung")


def test_without_gguf_files_nothing_is_said_of_them(project):
    card = written("owner/fung", [])
    assert "gguf" not in card.lower() and "llama.cpp" not in card and "Ollama" not in card


def test_the_hashes_are_those_that_the_model_was_exported_with(project):
    hashes = {"adapters_sha256": "1" * 64, "dataset_sha256": "2" * 64}
    write_json("models/fung/hf/understudy.json", {**hashes, "workflow_version": "0.1.0"})
    card = written()
    assert "1" * 64 in card and "2" * 64 in card and "| Understudy | 0.1.0 |" in card


def test_the_proof_of_the_export_is_shown_as_it_is(project):
    assert "\n| step | KL |\n" in written(proof="| step | KL |\n| --- | --- |\n| F16 | 0 |")


@pytest.mark.parametrize("place", ["title", "voice", "channel", "model", "base", "language", "setting"])
def test_what_comes_from_outside_stays_text(project, place):
    voice = HOSTILE if place == "voice" else "Dr. Fung"
    if place == "channel":
        videos = read_json("data/videos.json")
        write_json("data/videos.json", [{**entry, "channel": f"https://{HOSTILE}"} for entry in videos])
    if place == "model":
        write_json_lines("data/dataset/pairs.jsonl", [{"question_model": HOSTILE, "answer_model": HOSTILE}])
    if place == "base":
        write_json(
            "models/base/b/understudy_source.json", {**SOURCE, "kind": "folder", "source": HOSTILE.replace("/", "")}
        )
    if place == "language":
        report = read_json("data/dataset/report.json")
        write_json("data/dataset/report.json", {**report, "languages": {HOSTILE: 2}})
    if place == "setting":
        path = project / "models/fung/lora.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "optimizer": HOSTILE}))
    card = written(voice=voice)
    head, page = yaml.safe_load(card.split("---\n")[1]), as_html(body_of(card))
    assert "javascript:alert(1)" in html.unescape(page)
    assert head["license"] == "llama3.2" and set(head) <= {
        "base_model", "language", "library_name", "license", "pipeline_tag", "tags"
    }  # fmt: skip
    assert "<script" not in page and 'href="javascript' not in page and 'y.png"' not in page
    assert re.findall(r"<h1>(.*)</h1>", page) == ["fung"]
    assert page.count("<table>") == 4 and page.count("<img") == 1 and page.count("<hr") == 0


@given(st.text(max_size=60))
@example("1. x")
@example("--- x")
@example("&lt;b&gt;")
@example("[x]: http://y")
@example("a\\")
def test_any_text_is_shown_as_it_is(text):
    line = plain_title(text)
    shown = as_html(f"{as_markdown(text)}")
    assert html.unescape(re.sub(r"</?p>\n?", "", shown)).strip() == line.strip()
    assert "<" not in re.sub(r"</?p>", "", shown)
    in_a_table = as_html(f"| a | b |\n| - | - |\n| {as_markdown(text)} | z |")
    assert in_a_table.count("<td>") == 2 and "<td>z</td>" in in_a_table


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"README.md": "---\nlicense: other\nlicense_name: my-licence\nlicense_link: https://x.org/l\n---\n"},
         Licence("other", "my-licence", "https://x.org/l")),
        ({"README.md": "---\r\nlicense: MIT\r\n---\r\n"}, Licence("mit")),
        ({"README.md": "---\nlicense: 'x](y'\n---\n", "LICENSE": "MIT License\n\nCopyright"}, Licence("mit")),
        ({"README.md": "---\nlicense: [a\n---\n", "LICENSE.txt": "  Apache License\n  Version 2.0, January 2004"},
         Licence("apache-2.0")),
        ({"LICENSE": "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n"}, Licence("llama3.2")),
        ({"LICENSE": "You may not."}, Licence("other")),
        ({"README.md": "# No head\n\n---\nlicense: mit\n---\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_licence_is_found_where_a_base_model_has_it(tmp_path, files, licence):
    write_json(tmp_path / "understudy_source.json", SOURCE)
    write_json(tmp_path / "config.json", {})
    for name, text in files.items():
        (tmp_path / name).write_text(text, newline="")
    assert licence_of(tmp_path) == licence


def test_a_gguf_files_licence_is_remembered(tmp_path):
    write_json(tmp_path / "understudy_source.json", {"source": "x.gguf", "kind": "gguf", "license": "apache-2.0"})
    write_json(tmp_path / "config.json", {})
    assert licence_of(tmp_path) == Licence("apache-2.0")


def test_an_unknown_licence_says_where_to_look(project):
    (project / "models/base/b/README.md").unlink()
    card = written()
    assert "license" not in head_of_readme(project / "models/fung/README.md")
    assert "unknown. Look at [owner/Base-1B](https://huggingface.co/owner/Base-1B) before" in card
    assert "Built with Llama" not in card
