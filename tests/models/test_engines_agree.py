"""The next token's distributions from MLX and from llama.cpp's server: the same model says the same through both."""

import mlx.core as mx
import pytest
from mlx import nn

import understudy.models.mlx.predictions as mlx_side
from random_llama import write_random_llama
from random_models import write_random_model
from sharp_model import sharpen
from tiny_training import chat_row
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.predictions import TokenizersDiffer, served_model
from understudy.models.mlx.load import load_base
from understudy.models.mlx.predictions import mlx_predictions, reference_losses
from understudy.models.predictions import compared, joined
from understudy.models.scored_rows import scored_rows, some_rows
from understudy.rows.training import RowLimits
from understudy.shared.files import read_json, write_json, write_json_lines

ROWS = [
    chat_row("What is 7?", "It is the number 7, of course.\n\n- **One:** a line\n- another, 12345"),
    chat_row("And in German?", "Ä, ö, ü, ß: “groß” – 🌱🌱 naïve."),
    chat_row("What ends a turn?", "This: <|im_end|> and then it goes on."),
    chat_row("Short?", "Yes"),
    chat_row("Long?", "It is long, " * 40),
]
LIMITS = RowLimits(max_seq_length=200, mask_prompt=True, batch_size=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Llama with decided opinions, in float32."""
    return sharpen(write_random_llama(tmp_path_factory.mktemp("model") / "hf", dtype="F32"))


@pytest.fixture(scope="module")
def gguf(folder):
    path = folder.parent / "model-F32.gguf"
    write_gguf_file(folder, "F32", path, "model", threads=2)
    return path


def rows_of(folder, tmp_path, rows=ROWS, limits=LIMITS):
    path = tmp_path / "valid.jsonl"
    write_json_lines(path, rows)
    model, tokenizer = load_base(folder)
    return model, tokenizer, scored_rows(path, tokenizer, limits)


def served(path, rows, **options):
    return served_model(path, max(len(row.whole) for row in rows), threads=2, **options)


def test_both_engines_say_the_same_of_the_same_weights(folder, gguf, tmp_path):
    model, _, rows = rows_of(folder, tmp_path)
    through_mlx = joined(mlx_predictions(model, rows))
    with served(gguf, rows) as llama:
        llama.check_tokens(rows)
        through_llama = joined(llama.predictions(rows))
    assert len(through_llama) == len(through_mlx) == sum(row.positions for row in rows)
    assert through_llama.targets == pytest.approx(through_mlx.targets, abs=0.05)
    found = compared(through_mlx, through_llama)
    assert found.agreement > 0.99
    assert found.kl < 1e-4


def test_reference_losses_are_the_trainings_cross_entropy(folder, gguf, tmp_path):
    model, _, rows = rows_of(folder, tmp_path)
    expected = []
    for row in rows:
        logits = model(mx.array([row.tokens[:-1]]))[0]
        losses = nn.losses.cross_entropy(logits, mx.array(row.tokens[1:]))
        expected.append(losses[row.first - 1 :].sum().item())
    through_mlx = reference_losses(model, rows)
    with served(gguf, rows, parallel=2) as llama:
        through_llama = llama.reference_losses(rows)
    for losses, tolerance in ((through_mlx, 1e-4), (through_llama, 1e-3)):
        assert [row.loss for row in losses] == pytest.approx(expected, rel=tolerance)
        assert [row.tokens for row in losses] == [row.positions for row in rows]


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "granitemoehybrid-experts"])
def test_the_logits_in_pieces_are_those_of_the_whole_row(tmp_path, monkeypatch, family):
    model, _, rows = rows_of(sharpen(write_random_model(tmp_path / family, family, mx.float32)), tmp_path)
    whole = joined(mlx_predictions(model, rows))
    monkeypatch.setattr(mlx_side, "PIECE", 7)
    pieces = joined(mlx_predictions(model, rows))
    assert pieces.targets == pytest.approx(whole.targets, abs=1e-3)
    assert compared(whole, pieces).agreement > 0.99


def test_rows_are_masked_and_cut_off_as_in_the_training(folder, tmp_path):
    _, tokenizer, rows = rows_of(folder, tmp_path)
    first = rows[0]
    assert tokenizer.decode(first.tokens[: first.first]).endswith("assistant\n")
    assert tokenizer.decode(first.tokens[first.first :]).startswith("It is the number 7")
    assert (len(rows[4].tokens), len(rows[4].whole) > 200) == (200, True)
    unmasked = RowLimits(max_seq_length=200, mask_prompt=False, batch_size=1)
    assert {row.first for row in rows_of(folder, tmp_path, limits=unmasked)[2]} == {1}


def test_the_prompt_counts_where_the_training_does_not_mask_it(folder, gguf, tmp_path):
    unmasked = RowLimits(max_seq_length=200, mask_prompt=False, batch_size=1)
    model, _, rows = rows_of(folder, tmp_path, ROWS[:2], unmasked)
    with served(gguf, rows) as llama:
        losses = llama.reference_losses(rows)
    assert [row.loss for row in losses] == pytest.approx([row.loss for row in reference_losses(model, rows)], rel=1e-3)


def test_rows_are_drawn_until_there_are_enough_positions(folder, tmp_path):
    _, _, rows = rows_of(folder, tmp_path)
    drawn = some_rows(rows, 30)
    assert 30 <= sum(row.positions for row in drawn) < 300
    assert len(drawn) < len(rows)
    assert some_rows(rows, 30) == drawn
    assert some_rows(rows, 10**6) == rows


def test_another_tokenizer_in_the_file_is_an_error(folder, tmp_path):
    _, _, rows = rows_of(folder, tmp_path, ROWS[:1])
    other = write_random_llama(tmp_path / "other")
    tokenizer = read_json(other / "tokenizer.json")
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:20]
    write_json(other / "tokenizer.json", tokenizer)
    path = tmp_path / "other.gguf"
    write_gguf_file(other, "F16", path, "other", threads=2)
    said = r"other\.gguf: llama\.cpp reads .*valid\.jsonl, line 1 as other tokens than the model was trained on: from token"
    with served(path, rows) as llama, pytest.raises(TokenizersDiffer, match=said):
        llama.check_tokens(rows)


def test_another_chat_template_in_the_file_is_an_error(folder, tmp_path):
    _, _, rows = rows_of(folder, tmp_path, ROWS[:1])
    other = write_random_llama(tmp_path / "other")
    config = other / "tokenizer_config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("<|im_start|>assistant", "<|im_start|>system"))
    path = tmp_path / "other.gguf"
    write_gguf_file(other, "F16", path, "other", threads=2)
    with served(path, rows) as llama, pytest.raises(TokenizersDiffer, match="under the chat template as other"):
        llama.check_tokens(rows)
