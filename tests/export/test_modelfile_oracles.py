"""The derived templates in programs that others wrote: Go's text/template, and LM Studio's Jinja engine. make check-modelfile."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from gguf import GGUFReader

from chat_templates import BOS, DERIVABLE, EOS, conversations, renderer_of, tokenizer_with_ends
from project import REPOSITORY
from random_llama import packaged_model
from understudy.export.ollama_template import chat_frame

pytestmark = pytest.mark.oracle
ORACLES, NODE_PACKAGES = REPOSITORY / "tests/oracles", REPOSITORY / ".oracles/node"
NEVER_ANSWERED = "an answer that is gone on with"


@pytest.fixture(scope="module")
def go_program(tmp_path_factory) -> Path:
    """What renders Go templates."""
    program = tmp_path_factory.mktemp("go") / "render"
    subprocess.run([shutil.which("go"), "build", "-o", program, ORACLES / "render_go_template.go"], check=True)
    return program


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tokenizer_with_ends(tmp_path_factory.mktemp("model") / "hf")


def by_go(program: Path, template: str, asked: list) -> list[str]:
    given = json.dumps({"template": template, "conversations": asked})
    return json.loads(subprocess.run([program], input=given, capture_output=True, text=True, check=True).stdout)


def by_node(template: str, bos: str, eos: str, asked: list) -> dict:
    given = json.dumps({"template": template, "bos": bos, "eos": eos, "conversations": asked})
    command = [shutil.which("node"), ORACLES / "render_jinja.mjs", NODE_PACKAGES]
    return json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", DERIVABLE)
def test_go_writes_what_the_chat_template_writes(go_program, tokenizer, name):
    tokenizer.chat_template = DERIVABLE[name]
    render = renderer_of(tokenizer)
    frame, asked = chat_frame(render), conversations(with_system=name != "Gemma 2")
    assert by_go(go_program, frame.go_template(), asked) == [render(messages) for messages in asked]


def test_an_answer_that_was_begun_is_gone_on_with(go_program, tokenizer):
    tokenizer.chat_template = DERIVABLE["SmolLM2"]
    render = renderer_of(tokenizer)
    asked = conversations(with_system=False)[0]
    begun = [*asked, {"role": "assistant", "content": NEVER_ANSWERED}]
    assert by_go(go_program, chat_frame(render).go_template(), [begun]) == [render(asked) + NEVER_ANSWERED]


# Python's Jinja turns every line end into \n, the other one leaves \r\n of the hostile template as it is.
@pytest.mark.parametrize("name", [name for name in DERIVABLE if name != "hostile"])
def test_lm_studio_s_jinja_writes_what_transformers_writes(tokenizer, name):
    tokenizer.chat_template = DERIVABLE[name]
    asked = conversations(with_system=name != "Gemma 2")
    expected = [renderer_of(tokenizer)(messages) for messages in asked]
    assert by_node(DERIVABLE[name], BOS, EOS, asked)["prompts"] == expected


def test_the_packaged_model_s_own_template_is_the_same_in_all_three(go_program, tokenizer):
    tokenizer.chat_template = GGUFReader(packaged_model()).get_field("tokenizer.chat_template").contents()
    render, asked = renderer_of(tokenizer), conversations(with_system=True)
    expected = [render(messages) for messages in asked]
    node = by_node(tokenizer.chat_template, BOS, EOS, asked)
    assert node["prompts"] == expected
    assert by_go(go_program, chat_frame(render).go_template(), asked) == expected
    # Ollama's library leaves out the system message that the model has where none is given.
    with_system, without = asked[1], asked[0]
    assert by_go(go_program, node["converted"]["template"], [with_system]) == [render(with_system)]
    assert by_go(go_program, node["converted"]["template"], [without]) != [render(without)]
    assert set(node["converted"]["params"]["stop"]) == {"<|im_start|>", "<|im_end|>"}
