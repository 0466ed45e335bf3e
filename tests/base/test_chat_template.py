"""The chat template of a base model: the same text for training, for every program that asks, and on every day."""

import pytest
from transformers import AutoTokenizer

from llama_requests import post
from random_llama import write_random_llama
from understudy.base.base_model import import_base_model
from understudy.base.chat_template import NO_THINKING, fixed_date, settle_chat_template, settled_template
from understudy.export.gguf import write_gguf_file
from understudy.export.hf import write_hugging_face_folder
from understudy.models.llama.server import embedded_server
from understudy.models.mlx.load import load_its_tokenizer
from understudy.shared.files import read_json, write_json

QUESTION = [{"role": "user", "content": "Why?"}]
ROW = [*QUESTION, {"role": "assistant", "content": "Because it is so."}]
# As Qwen3 does it: a row always has a thinking block, the prompt only if thinking is off.
LIKE_QWEN3 = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ message.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# As SmolLM3 does it: thinking unless told otherwise, and a system prompt with today's date.
LIKE_SMOLLM3 = (
    "{%- if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}"
    "{%- set block = '' if enable_thinking else '<think>\n\n</think>\n' %}"
    '{%- set today = strftime_now("%d %B %Y") %}<|im_start|>system\nToday Date: {{ today }}<|im_end|>\n'
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ block if message.role == 'assistant' }}{{ message.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{{ block }}{% endif %}"
)


@pytest.fixture(params=[LIKE_QWEN3, LIKE_SMOLLM3], ids=["like Qwen3", "like SmolLM3"])
def base(request, tmp_path):
    """An imported base model whose template knows thinking."""
    source = write_random_llama(tmp_path / "source", hidden_size=256, intermediate_size=512)
    config = read_json(source / "tokenizer_config.json")
    write_json(source / "tokenizer_config.json", {**config, "chat_template": request.param})
    import_base_model(str(source), None, tmp_path / "base")
    return tmp_path / "base"


def prompt_and_row(tokenizer, **arguments):
    """The texts of the question before an answer, and of question and answer."""
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, tokenize=False, **arguments)
    return prompt, tokenizer.apply_chat_template(ROW, tokenize=False, **arguments)


def test_a_row_is_the_prompt_and_the_answer_whoever_asks(base):
    prompt, row = prompt_and_row(load_its_tokenizer(base))
    assert prompt.endswith(("</think>\n\n", "</think>\n"))
    assert row.startswith(prompt) and row.removeprefix(prompt).startswith("Because it is so.")
    of_transformers = AutoTokenizer.from_pretrained(base)
    for arguments in ({}, {"enable_thinking": True}, {"enable_thinking": False}):
        assert prompt_and_row(of_transformers, **arguments) == (prompt, row)


def test_llama_cpp_writes_the_same_prompt(base, tmp_path):
    write_hugging_face_folder(str(base / "config.json"), str(tmp_path / "hf/config.json"))
    write_gguf_file(tmp_path / "hf", "F16", tmp_path / "model.gguf", "model", 1)
    with embedded_server(tmp_path / "model.gguf", 512, threads=1) as base_url:
        asked = post(base_url.removesuffix("/v1"), "/apply-template", {"messages": QUESTION})
    assert asked["prompt"] == prompt_and_row(load_its_tokenizer(base))[0]


def test_the_date_is_the_same_on_every_day(tmp_path):
    assert settled_template("{{ strftime_now('%d %b %Y') }}") == "{{ '26 Jul 2024' }}"
    assert settled_template('{% set d = strftime_now( "%Y-%m-%d" ) %}') == '{% set d = "2024-07-26" %}'
    assert fixed_date("%A, %-d %B %y, %Q") == "Friday, 26 July 24, %Q"


def test_a_template_without_either_stays_as_it_is_to_the_byte(tmp_path):
    folder = write_random_llama(tmp_path / "base")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not settle_chat_template(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_settling_twice_changes_nothing_more():
    once = settled_template(LIKE_QWEN3)
    assert once == NO_THINKING + LIKE_QWEN3 and settled_template(once) == once


def test_each_of_several_named_templates_is_settled(tmp_path):
    named = [{"name": "default", "template": LIKE_QWEN3}, {"name": "tool_use", "template": "{{ messages }}"}]
    write_json(tmp_path / "tokenizer_config.json", {"chat_template": named, "eos_token": "e"})
    assert settle_chat_template(tmp_path)
    settled = [{**named[0], "template": NO_THINKING + LIKE_QWEN3}, named[1]]
    assert read_json(tmp_path / "tokenizer_config.json") == {"chat_template": settled, "eos_token": "e"}


def test_of_two_different_templates_the_one_that_transformers_reads_stays(tmp_path):
    write_json(tmp_path / "tokenizer_config.json", {"chat_template": "old", "eos_token": "e"})
    (tmp_path / "chat_template.jinja").write_text(LIKE_QWEN3)
    assert settle_chat_template(tmp_path)
    assert read_json(tmp_path / "tokenizer_config.json") == {"eos_token": "e"}
    assert (tmp_path / "chat_template.jinja").read_text() == NO_THINKING + LIKE_QWEN3
