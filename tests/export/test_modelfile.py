"""Modelfiles for Ollama: the template is the chat template's text, and nothing in it breaks the file's frame."""

import json
import re

import pytest
from gguf import GGUFReader
from transformers import PreTrainedTokenizerFast

from chat_templates import (
    BOS,
    DERIVABLE,
    GEMMA2,
    HOSTILE,
    LLAMA3,
    NOT_DERIVABLE,
    conversations,
    renderer_of,
    tokenizer_with_ends,
)
from random_llama import write_random_llama
from understudy.export.modelfile import sampling_of, write_modelfile
from understudy.export.ollama_template import NotDerivable, chat_frame, go_text
from understudy.gguf.quantization import QUANTIZATIONS
from understudy.gguf.types import FIRST_CHOICE_FIRST, quantization_to_run
from understudy.gguf.writing import write_gguf_file
from understudy.shared.files import read_json, write_json


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tokenizer_with_ends(tmp_path_factory.mktemp("model") / "hf")


@pytest.fixture
def folder(tmp_path):
    return write_random_llama(tmp_path / "models/fung/hf")


def with_template(tokenizer, template: str):
    tokenizer.chat_template = template
    return renderer_of(tokenizer)


@pytest.mark.parametrize("name", DERIVABLE)
def test_the_frame_writes_what_the_chat_template_writes(tokenizer, name):
    render = with_template(tokenizer, DERIVABLE[name])
    frame = chat_frame(render)
    assert (frame.after_system is None) == (name == "Gemma 2")
    for messages in conversations(with_system=name != "Gemma 2"):
        assert frame.prompt(messages) == render(messages)


@pytest.mark.parametrize("name", NOT_DERIVABLE)
def test_a_template_of_another_form_is_not_guessed(tokenizer, name):
    with pytest.raises(NotDerivable):
        chat_frame(with_template(tokenizer, NOT_DERIVABLE[name]))


def test_the_go_template_of_a_frame(tokenizer):
    frame = chat_frame(with_template(tokenizer, LLAMA3)).without_beginning(BOS)
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    system, user, assistant = map(head.format, ("system", "user", "assistant"))
    assert frame.go_template() == (
        f"{{{{ if .System }}}}{system}Today Date: 26 Jul 2024\n\n{{{{ .System }}}}<|eot_id|>{user}{{{{ else }}}}"
        f"{system}Today Date: 26 Jul 2024\n\n<|eot_id|>{user}{{{{ end }}}}"
        "{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}"
        f'{{{{ if eq .Role "user" }}}}{{{{ .Content }}}}{{{{ if $last }}}}<|eot_id|>{assistant}{{{{ end }}}}'
        f'{{{{ else if eq .Role "assistant" }}}}<|eot_id|>{assistant}{{{{ .Content }}}}{{{{ if not $last }}}}<|eot_id|>{user}'
        "{{ end }}{{ end }}{{ end }}"
    )


def test_nothing_of_a_template_reaches_go_or_the_modelfile_unescaped():
    assert go_text('a"""b{{c') == 'a{{ "\\U00000022\\U00000022\\U00000022" }}b{{ "\\U0000007b\\U0000007b" }}c'
    assert go_text("c\u00a0d\re\nf\tg水") == 'c{{ "\\U000000a0" }}d{{ "\\U0000000d" }}e\nf\tg水'


# The file


def written(folder, template: str | None = None, generation: dict | None = None) -> str:
    """The Modelfile of a model with another template or other recommended settings."""
    if template is not None:
        config = read_json(folder / "tokenizer_config.json")
        write_json(folder / "tokenizer_config.json", {**config, "chat_template": template})
    if generation is not None:
        write_json(folder / "generation_config.json", generation)
    gguf, output = folder.parents[1] / "fung-Q4_K_M.gguf", folder.parent / "Modelfile"
    write_gguf_file(folder, "Q4_K_M", gguf, "fung", threads=1)
    write_modelfile(gguf, [folder.parents[1] / "fung-F16.gguf"], folder, output)
    return output.read_text(encoding="utf-8")


def commands(modelfile: str) -> list[tuple[str, str]]:
    """Instructions and arguments as Ollama reads them: at the end of a line an argument ends unless its quotation is open."""
    found, rest = [], modelfile
    while rest := rest.lstrip(" \t\n"):
        if rest.startswith("#"):
            rest = rest.partition("\n")[2]
            continue
        name, rest = re.match(r"((?:PARAMETER )?\w+) ([\s\S]*)", rest).groups()
        quotation = re.match(r'"""[\s\S]*?"""(?=\s*\n)|"(?!"")[\s\S]*?"(?=\s*\n)|[^"\n]+', rest)[0]
        rest = rest[len(quotation) :]
        mark = '"""' if quotation.startswith('"""') else '"' if quotation.startswith('"') else ""
        found.append((name, quotation.removeprefix(mark).removesuffix(mark)))
    return found


def test_a_modelfile(folder, tokenizer):
    text = written(folder)
    name, *rest = commands(text)
    assert name == ("FROM", "../fung-Q4_K_M.gguf") and "# FROM ../fung-F16.gguf\n" in text
    template = chat_frame(renderer_of(PreTrainedTokenizerFast.from_pretrained(folder))).go_template()
    assert rest == [
        ("TEMPLATE", template),
        ("PARAMETER stop", "<|im_end|>"),
        ("PARAMETER stop", "<|im_start|>"),
        ("PARAMETER num_ctx", "2048"),
        ("PARAMETER temperature", "0.3"),
        ("PARAMETER repeat_penalty", "1.1"),
    ]
    assert "\n# Passages from the talks:\n# Passage 1 (" in text and "the voice alone" in text
    assert "{{ .Content }}" in template and template.startswith("{{ if .System }}<|im_start|>system\n{{ .System }}")


def test_the_chat_template_in_the_gguf_file_is_the_one_that_the_template_comes_from(folder):
    written(folder, LLAMA3)
    field = GGUFReader(folder.parents[1] / "fung-Q4_K_M.gguf").get_field("tokenizer.chat_template")
    assert field.contents() == LLAMA3


@pytest.mark.parametrize(("pre_tokenizer", "beginning"), [("smollm", "<|im_start|>"), ("llama-bpe", "")])
def test_the_template_begins_as_the_training_s_text_does_once_ollama_has_added_its_token(
    tmp_path, pre_tokenizer, beginning
):
    folder = write_random_llama(tmp_path / "models/fung/hf", pre_tokenizer=pre_tokenizer)
    template = dict(commands(written(folder, LLAMA3)))["TEMPLATE"]
    assert template.startswith(f"{{{{ if .System }}}}{beginning}<|start_header_id|>system")
    assert f"{{{{ else }}}}{beginning}<|start_header_id|>system" in template


def test_a_hostile_template_stays_in_its_place(folder):
    found = commands(written(folder, HOSTILE))
    assert [name for name, _ in found] == [
        "FROM", "TEMPLATE", "PARAMETER stop", "PARAMETER num_ctx", "PARAMETER temperature", "PARAMETER repeat_penalty"
    ]  # fmt: skip
    template = dict(found)["TEMPLATE"]
    assert "\nSYSTEM" in template and '"""' not in template and ".Secret" in template and "{{ .Secret" not in template


def test_tokens_that_a_line_can_not_hold_are_left_out(folder):
    tokenizer = read_json(folder / "tokenizer.json")
    tokens = [token for token in tokenizer["added_tokens"] if token["id"] in (3, 4, 5)]
    assert len(tokens) == 3
    for token, text in zip(tokens, ('<|a"\nSYSTEM x|>', '<|"""|>', "<|c|>"), strict=True):
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary[text] = vocabulary.pop(token["content"])
        token["content"] = text
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    found = commands(written(folder, generation={"eos_token_id": [2, 3, 4, 5]}))
    assert [value for name, value in found if name == "PARAMETER stop"] == ["<|im_end|>", "<|c|>", "<|im_start|>"]
    assert "SYSTEM" not in [name for name, _ in found]


def test_what_nothing_can_be_derived_from_gives_no_template_and_a_warning(folder, caplog):
    with caplog.at_level("WARNING", logger="understudy"):
        text = written(folder, NOT_DERIVABLE["numbers its messages"])
    assert "TEMPLATE" not in dict(commands(text)) and "\n# No TEMPLATE: none could be derived" in text
    assert "compare its answers with `make chat`" in caplog.text and "user, assistant, user differs" in caplog.text


def test_a_template_without_a_place_for_a_system_message_says_so(folder):
    text = written(folder, GEMMA2)
    assert "# The model's chat template takes no system message.\nTEMPLATE" in text and ".System" not in text


def test_the_base_model_s_recommended_settings_are_kept(folder):
    text = written(folder, generation={"temperature": 0.6, "top_p": 0.9, "top_k": 50, "repetition_penalty": 1.05})
    wanted = {"temperature": "0.6", "top_p": "0.9", "top_k": "50", "repeat_penalty": "1.05", "num_ctx": "2048"}
    assert {f"PARAMETER {key}": value for key, value in wanted.items()}.items() <= dict(commands(text)).items()


@pytest.mark.parametrize(
    "generation",
    [
        {"temperature": "1\nSYSTEM x"}, {"temperature": True}, {"temperature": float("inf")}, {"temperature": -1},
        {"top_k": 2.5}, {"top_p": None}, {"min_p": [1]}, {"do_sample": False, "temperature": 0.6}, {"eos_token_id": 2},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_left_out(generation):
    assert sampling_of(generation) == {}


def test_every_quantization_has_its_place_and_the_middle_comes_first():
    assert set(FIRST_CHOICE_FIRST) == set(QUANTIZATIONS)
    assert quantization_to_run(["F16", "Q8_0", "Q4_K_M", "Q2_K"]) == "Q4_K_M"
    assert quantization_to_run(["F16", "Q2_K"]) == "F16" and quantization_to_run(["Q2_K", "Q3_K_S"]) == "Q3_K_S"
