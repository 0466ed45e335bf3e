"""Where an answer ends: a base whose end token is not what its chat template ends a turn with, in every file made of it, and rows
under templates that write a prompt otherwise than the beginning of a row."""

import logging

import pytest

from gguf_digest import metadata_of
from random_llama import write_random_llama
from understudy.base.base_model import import_base_model
from understudy.export.hf import write_hugging_face_folder
from understudy.export.modelfile import write_modelfile
from understudy.gguf.writing import write_gguf_file
from understudy.models.folder import companion_files
from understudy.models.llama.predictions import served_model
from understudy.models.mlx.load import load_its_tokenizer
from understudy.models.scored_rows import scored_rows
from understudy.rows.row_tokens import RowNotWritten, RowTokens
from understudy.rows.training import RowLimits, checked_dataset
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json, write_json_lines

ENDOFTEXT, IM_END = 0, 2
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A base model's: a document ends with eos_token, a turn with another one.
WITH_EOS_BEFORE = "{{ eos_token }}" + CHATML
WITHOUT_END = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
SPACE_AT_THE_END = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
# As Gemma 4 does it: an empty thought in the prompt alone.
THOUGHT_IN_THE_PROMPT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<|channel>thought\n<channel|>{% endif %}"
)
OPEN_THOUGHT = THOUGHT_IN_THE_PROMPT.replace("<channel|>", "")
MESSAGES = [
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "Because it is so.\n\n- **One**, 12345 "},
]


@pytest.fixture
def messages(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def source_with(folder, template=CHATML, eos="<|endoftext|>", of_config=ENDOFTEXT, of_generation=None):
    write_random_llama(folder, hidden_size=256, intermediate_size=512)
    write_json(folder / "config.json", {**read_json(folder / "config.json"), "eos_token_id": of_config})
    settings = {**read_json(folder / "tokenizer_config.json"), "chat_template": template, "eos_token": eos}
    write_json(folder / "tokenizer_config.json", settings)
    special = {**read_json(folder / "special_tokens_map.json"), "eos_token": eos}
    write_json(folder / "special_tokens_map.json", special)
    if of_generation is not None:
        write_json(folder / "generation_config.json", {"eos_token_id": of_generation, "temperature": 0.7})
    return folder


def imported(tmp_path, **settings):
    import_base_model(str(source_with(tmp_path / "source", **settings)), None, tmp_path / "base")
    return tmp_path / "base"


def test_a_base_model_s_end_of_turn_reaches_every_file_that_says_where_to_stop(tmp_path, messages):
    base = imported(tmp_path)
    assert "ends a turn with <|im_end|>, which was not the tokenizer's end token (<|endoftext|>)" in messages()
    assert read_json(base / "generation_config.json")["eos_token_id"] == [IM_END, ENDOFTEXT]
    # The rule fused copies these files, and hf copies fused's.
    assert base / "generation_config.json" in companion_files(base)
    hf = tmp_path / "x/hf"
    write_hugging_face_folder(str(base / "config.json"), str(hf / "config.json"))
    for folder in (base, hf):
        tokenizer = load_its_tokenizer(folder)
        assert (tokenizer.eos_token, tokenizer.eos_token_ids) == ("<|im_end|>", {IM_END, ENDOFTEXT})
    gguf = tmp_path / "x.gguf"
    write_gguf_file(hf, "F16", gguf, "x", threads=1)
    assert metadata_of(gguf)["tokenizer.ggml.eos_token_id"] == f"UINT32 {IM_END}"
    write_modelfile(gguf, [], hf, tmp_path / "x/Modelfile")
    stops = [line for line in (tmp_path / "x/Modelfile").read_text().splitlines() if "PARAMETER stop" in line]
    assert stops[:2] == ['PARAMETER stop "<|im_end|>"', 'PARAMETER stop "<|endoftext|>"']


@pytest.mark.parametrize("of_generation", [None, ENDOFTEXT, [ENDOFTEXT]])
def test_what_generation_config_lacks_is_added_though_the_tokenizer_has_it(tmp_path, of_generation):
    base = imported(tmp_path, eos="<|im_end|>", of_generation=of_generation)
    settings = read_json(base / "generation_config.json")
    assert settings["eos_token_id"] == [IM_END, ENDOFTEXT]
    assert of_generation is None or settings["temperature"] == 0.7
    assert load_its_tokenizer(base).eos_token_ids == {IM_END, ENDOFTEXT}


@pytest.mark.parametrize("eos", ["<|im_end|>", "<|endoftext|>"])
def test_nothing_changes_where_all_stop_already(tmp_path, eos):
    """<|im_end|> is one at which llama.cpp stops by itself, as Gemma 3's <end_of_turn>."""
    base = imported(tmp_path, eos=eos, of_generation=[ENDOFTEXT, IM_END])
    for name in ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json"):
        assert (base / name).read_bytes() == (tmp_path / "source" / name).read_bytes()


def test_a_template_that_writes_the_old_end_token_goes_on_writing_it(tmp_path):
    base = imported(tmp_path, template=WITH_EOS_BEFORE)
    before, after = (load_its_tokenizer(folder) for folder in (tmp_path / "source", base))
    assert after.eos_token == "<|im_end|>"
    for tokenized in (MESSAGES, MESSAGES[:1]):
        texts = [tokenizer.apply_chat_template(tokenized, tokenize=False) for tokenizer in (before, after)]
        assert texts[0] == texts[1]
        assert texts[1].startswith("<|endoftext|>")


def rows_under(base, tmp_path):
    write_json_lines(tmp_path / "rows.jsonl", [{"messages": MESSAGES}])
    return scored_rows(tmp_path / "rows.jsonl", load_its_tokenizer(base), RowLimits(200, True, 1))


@pytest.mark.parametrize(
    ("template", "ending"),
    [(WITHOUT_END, "\n<|endoftext|>"), (SPACE_AT_THE_END, "<|im_end|>\n"), (THOUGHT_IN_THE_PROMPT, "<|im_end|>\n")],
    ids=["no end", "a space at the end", "a thought in the prompt"],
)
def test_a_row_is_the_prompt_the_answer_and_the_end_of_its_turn(tmp_path, template, ending):
    base = imported(tmp_path, template=template)
    [row] = rows_under(base, tmp_path)
    tokenizer = load_its_tokenizer(base)
    asked = tokenizer.apply_chat_template(MESSAGES[:1], add_generation_prompt=True, return_dict=False)
    assert row.tokens[: row.first] == asked == row.prompt
    trimmed = MESSAGES[1]["content"].strip() if template is THOUGHT_IN_THE_PROMPT else MESSAGES[1]["content"]
    assert tokenizer.decode(row.tokens[row.first :]) == trimmed + ending
    assert tokenizer.eos_token_ids & set(row.tokens[row.first :])
    gguf = tmp_path / "x.gguf"
    write_gguf_file(base, "F16", gguf, "x", threads=1)
    with served_model(gguf, 200, threads=1) as llama:
        llama.check_tokens([row])


def test_a_prompt_that_opens_a_thought_is_refused(tmp_path):
    base = imported(tmp_path, template=OPEN_THOUGHT)
    with pytest.raises(RowNotWritten):
        RowTokens(load_its_tokenizer(base)).tokens(MESSAGES)
    write_json_lines(tmp_path / "rows.jsonl", [{"messages": MESSAGES}])
    with pytest.raises(
        InputFileError, match="line 1: the base model's chat template writes the question in a row otherwise"
    ):
        checked_dataset(tmp_path / "rows.jsonl", load_its_tokenizer(base), RowLimits(200, True, 1))


@pytest.mark.parametrize("kind", ["gemma3n", "gemma3n_text"])
def test_gemma_3n_is_refused_in_words(tmp_path, kind):
    source = write_random_llama(tmp_path / "source")
    write_json(source / "config.json", {**read_json(source / "config.json"), "model_type": kind})
    with pytest.raises(
        InputFileError, match=f"of model_type {kind}. Gemma 3n's layers share keys and values.*gemma-3-1b-it"
    ):
        import_base_model(str(source), None, tmp_path / "base")
    assert not (tmp_path / "base/config.json").exists()
