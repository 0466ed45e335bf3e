"""What is checked before the first step of a training, and what `snakemake preflight` tells."""

import copy
import json
import math
import re
from pathlib import Path

import mlx.core as mx
import pytest
from mlx_lm.tuner.trainer import default_loss, iterate_batches
from mlx_lm.tuner.utils import linear_to_lora_layers

from hub_models import OF_ANOTHER
from tiny_training import BASE, OUTPUTS, TRAIN, TRAINING, VALID, chat_row, configure, train_it
from understudy.models.mlx.load import load_base, load_its_tokenizer, model_without_weights
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json, write_json_lines
from understudy.train import adapters as train_stage
from understudy.train.lora_config import iterations, write_lora_config
from understudy.train.machine import MachineMemory, SwapWatch, memory_of_machine
from understudy.train.metrics import MetricsFile
from understudy.train.preflight.checks import (
    RowLimits,
    account_of,
    check_context,
    check_keep,
    check_memory,
    check_sizes,
    check_updates,
    checked_dataset,
    forgetting_warning,
    plan_lines,
    saved_iterations,
)
from understudy.train.preflight.disk import disk_of_adapters, needed_disk
from understudy.train.preflight.memory import predicted_memory, shape_of, with_settings
from understudy.train.preflight.preflight import check_training
from understudy.train.preflight.time import Timed, looks_at_validation, predicted_seconds
from understudy.train.preflight.trial import batches_by_length, tokens_of_batches

SMOLLM2 = {
    "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "vocab_size": 49152,
    "num_attention_heads": 9, "num_key_value_heads": 3, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip
LLAMA_3B = {
    "model_type": "llama", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "vocab_size": 128256,
    "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip
FUNG_SETTINGS = {
    "num_layers": 12, "lora_parameters": {"rank": 8, "scale": 20.0}, "learning_rate": 1e-5, "lr_schedule": None, "iters": 2734,
    "batch_size": 1, "grad_accumulation_steps": 8, "grad_checkpoint": True, "optimizer": "adamw",
}  # fmt: skip


def limits(max_seq_length=256, batch_size=1, mask_prompt=True):
    return RowLimits(max_seq_length, mask_prompt, batch_size)


# The rows


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"prompt": "a", "completion": "b"}, "this one is not"),
        ([], "this one is not"),
        ({"messages": [{"role": "user", "content": None}]}, "this one is not"),
        ({"messages": []}, "the last two messages"),
        ({"messages": chat_row()["messages"][:1]}, "the last two messages"),
        ({"messages": chat_row()["messages"][::-1]}, "the last two messages"),
        (chat_row(answer=" \n"), "the answer is empty"),
        (chat_row(question="why " * 100), "no token of the answer is left"),
    ],
)
def test_a_row_that_can_not_be_trained_on_is_named_by_file_and_line(trainable, row, complaint):
    good = json.dumps(chat_row())
    Path(VALID).write_text(f"{good}\n\n{json.dumps(row)}\n{good}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=complaint) as raised:
        train_it()
    assert str(raised.value).startswith(f"{VALID}, line 3: ")


def test_the_limit_is_the_first_length_at_which_mlx_lm_learns_from_no_token(trainable):
    """One token less and its loss is a number; at the limit it is 0 / 0."""
    model, tokenizer = load_base(BASE)
    question = "why " * 20
    prompt = len(tokenizer.apply_chat_template(chat_row(question)["messages"][:1], add_generation_prompt=True))
    write_json_lines(TRAIN, [chat_row(question)])
    losses = {}
    for length in (prompt, prompt + 1):
        dataset = checked_dataset(TRAIN, tokenizer, limits(10_000))
        batch = next(iterate_batches(dataset, 1, length))
        losses[length] = default_loss(model, *batch)[0].item()
    assert math.isnan(losses[prompt]) and math.isfinite(losses[prompt + 1])
    checked_dataset(TRAIN, tokenizer, limits(prompt + 1))
    with pytest.raises(InputFileError, match=f"takes {prompt} tokens"):
        checked_dataset(TRAIN, tokenizer, limits(prompt))


def test_a_failing_chat_template_is_told_with_the_row(trainable):
    template = "{{ raise_exception('roles must alternate') }}"
    write_json(BASE / "tokenizer_config.json", {**read_json(BASE / "tokenizer_config.json"), "chat_template": template})
    with pytest.raises(InputFileError, match=r"line 1: the base model's chat template fails.*roles must alternate"):
        train_it()
    assert_nothing_was_trained()


def test_truncated_rows_are_counted(trainable, caplog):
    write_json_lines(TRAIN, [chat_row(), chat_row(answer="long " * 100), chat_row(), chat_row()])
    checked_dataset(TRAIN, load_its_tokenizer(BASE), limits())
    assert f"{TRAIN}: 1 of 4 rows (25.0 %) lose their end: training.max_seq_length is 256" in caplog.text


def test_sets_smaller_than_a_batch_are_told_with_numbers(caplog):
    with pytest.raises(InputFileError, match=r"valid has 3 rows, fewer than training.batch_size = 4.*batch_size: 3"):
        check_sizes("train", range(8), "valid", range(3), 4)
    with pytest.raises(InputFileError, match=r"train has 1 row, fewer"):
        check_sizes("train", range(1), "valid", range(3), 2)
    with pytest.raises(InputFileError, match="train has no rows"):
        check_sizes("train", [], "valid", range(3), 1)
    with pytest.raises(InputFileError, match=r"valid has 0 rows, .* or more rows\.$"):
        check_sizes("train", range(3), "valid", [], 1)


def test_training_without_any_update_is_refused():
    with pytest.raises(ConfigurationError, match="only 7 iterations"):
        check_updates(7, 8)
    check_updates(8, 8)


def test_gradients_of_the_last_iterations_make_one_more_update(trainable, caplog):
    train_it(grad_accumulation_steps=5)
    assert "12 iterations, 3 optimizer updates" in caplog.text


def test_more_layers_than_the_model_has_is_refused(trainable):
    with pytest.raises(ConfigurationError, match=r"training\.num_layers is 99"):
        train_it(num_layers=99)


def test_an_unknown_kind_of_model_is_told(trainable):
    write_json(
        BASE / "config.json", {**read_json(BASE / "config.json"), "model_type": "lstm", "architectures": ["Lstm"]}
    )
    with pytest.raises(InputFileError, match="Model type lstm not supported"):
        train_it()


def test_a_row_of_5000_tokens_is_cut_and_told(trainable, caplog):
    write_json_lines(TRAIN, [chat_row(answer="why " * 5000), *[chat_row() for _ in range(3)]])
    train_it(epochs=0.5)
    tokens = len(load_its_tokenizer(BASE).apply_chat_template(chat_row(answer="why " * 5000)["messages"]))
    assert tokens > 5000
    assert (
        f"1 of 4 rows (25.0 %) lose their end: training.max_seq_length is 256, the longest has {tokens} tokens"
        in caplog.text
    )
    lines = Path(OUTPUTS["metrics.csv"]).read_text().splitlines()[1:]
    assert all(math.isfinite(float(line.split(",")[2] or 0)) for line in lines)


def test_a_limit_below_every_question_is_told_with_the_one_that_would_work(trainable):
    rows = [chat_row("why " * 20), chat_row("why " * 10)]
    write_json_lines(TRAIN, rows)
    tokenizer = load_its_tokenizer(BASE)
    longest = len(tokenizer.apply_chat_template(rows[0]["messages"], return_dict=False))
    shortest = len(
        tokenizer.apply_chat_template(rows[1]["messages"][:1], add_generation_prompt=True, return_dict=False)
    )
    with pytest.raises(
        ConfigurationError, match=f"shortest question.* takes {shortest} tokens.*{longest} would hold every row"
    ):
        checked_dataset(TRAIN, tokenizer, limits(32))


def test_rows_that_all_lose_their_end_teach_none_and_are_refused(trainable):
    write_json_lines(TRAIN, [chat_row(answer="It is long, " * 40), chat_row(answer="It is longer, " * 60)])
    with pytest.raises(
        ConfigurationError, match=r"max_seq_length is 128, and every row of .*train\.jsonl is longer.*half of"
    ):
        train_it(max_seq_length=128)
    assert_nothing_was_trained()


def test_a_validation_set_of_one_row_is_enough_for_a_batch_of_one(trainable):
    write_json_lines(VALID, [chat_row()])
    train_it()
    assert Path(OUTPUTS["adapters.safetensors"]).exists()


def test_a_validation_set_of_one_row_is_too_small_for_a_batch_of_two(trainable):
    write_json_lines(VALID, [chat_row()])
    with pytest.raises(
        InputFileError, match=r"valid.jsonl has 1 row, fewer than training.batch_size = 2.*batch_size: 1"
    ):
        train_it(batch_size=2)
    assert_nothing_was_trained()


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        (
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
            "{% if add_generation_prompt %}<assistant>I think{% endif %}",
            "goes on with 't is the number ', the prompt with ' think'",
        ),
        ("{{ messages | length }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", "goes on with '2<"),
    ],
    ids=["a prompt that goes on", "a prompt that starts otherwise"],
)
def test_a_prompt_that_is_no_beginning_of_its_row_is_told_with_the_place(trainable, template, parts):
    configuration = read_json(BASE / "tokenizer_config.json")
    write_json(BASE / "tokenizer_config.json", {**configuration, "chat_template": template})
    with pytest.raises(InputFileError, match=f"line 1: the base model's chat template writes the question.*{parts}"):
        train_it()
    assert_nothing_was_trained()


def test_an_empty_answer_leaves_nothing_behind(trainable):
    write_json_lines(TRAIN, [chat_row(), chat_row(answer="")])
    with pytest.raises(InputFileError, match="line 2: the answer is empty"):
        train_it()
    assert_nothing_was_trained()


def assert_nothing_was_trained():
    assert not Path(OUTPUTS["adapters.safetensors"]).exists()
    assert not list(Path("models/x").rglob("*.safetensors"))


def test_the_share_of_the_tokens_that_are_learned_from(trainable):
    tokenizer = load_its_tokenizer(BASE)
    account = account_of(checked_dataset(TRAIN, tokenizer, limits()), limits())
    rows = [row for _, row in read_json_lines(TRAIN)]
    prompts = [tokenizer.apply_chat_template(row["messages"][:1], add_generation_prompt=True) for row in rows]
    wholes = [tokenizer.apply_chat_template(row["messages"]) for row in rows]
    assert (account.rows, account.tokens) == (6, sum(map(len, wholes)))
    assert account.answer_tokens == sum(map(len, wholes)) - sum(map(len, prompts))
    unmasked = account_of(checked_dataset(TRAIN, tokenizer, limits(mask_prompt=False)), limits(mask_prompt=False))
    assert unmasked.answer_share == 1


# The settings


def test_fungs_numbers():
    model = model_without_weights(LLAMA_3B)
    model.set_dtype(mx.bfloat16)
    model.freeze()
    linear_to_lora_layers(model, 12, {"rank": 8, "scale": 20.0, "dropout": 0.0})
    rounds = iterations(2, 1367, 1)
    lines = plan_lines(model, rounds, 8, 1)
    assert lines["trainable parameters"].startswith("5,210,112 of 3,21")
    assert lines["steps"] == "2,734 iterations, 342 optimizer updates"
    assert lines["effective batch size"].startswith("8 ")
    assert saved_iterations(rounds, 500, 8) == [504, 1008, 1512, 2016, 2520, 2734]
    settings = {**FUNG_SETTINGS, "max_seq_length": 1024}
    assert 7e9 < with_settings(shape_of(model, LLAMA_3B), settings).peak < 9e9


def test_an_iteration_to_keep_that_is_not_saved_is_told_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"keep is 500.*nearest that is: 504.*504, 1008.*2734"):
        check_keep(500, saved_iterations(2734, 500, 8))
    for keep in (504, 2734, "best", "last"):
        check_keep(keep, saved_iterations(2734, 500, 8))


def test_a_limit_beyond_the_models_context_is_refused():
    with pytest.raises(ConfigurationError, match=r"positions up to 2048. Use training.max_seq_length: 2048 or less"):
        check_context({"max_position_embeddings": 2048}, 2049)
    check_context({"text_config": {"max_position_embeddings": 2048}}, 2048)
    check_context({}, 10**6)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 5e-4}, "learning_rate 0.0005 (1e-05)"),
        ({"iters": 3 * 1367}, "epochs 3 (2)"),
        ({"num_layers": -1}, "num_layers 28 (12)"),
        ({"lora_parameters": {"rank": 16, "scale": 20.0}}, "rank 16 (8)"),
        ({"lora_parameters": {"rank": 8, "scale": 32.0}}, "scale 32 (20)"),
        ({"lr_schedule": {"name": "cosine_decay", "arguments": [1e-4, 100]}}, "learning_rate 0.0001 (1e-05)"),
    ],
)
def test_settings_beyond_fungs_are_named_with_forgetting(change, named):
    warning = forgetting_warning({**FUNG_SETTINGS, **change}, 1367, 28, 3_212_000_000)
    assert named in warning and "may forget" in warning and "million" not in warning and "\n" not in warning


def test_a_line_that_climbs_is_named_by_its_end():
    climbing = {"lr_schedule": {"name": "linear_schedule", "arguments": [1e-6, 1e-3, 100]}}
    assert "learning_rate 0.001 (1e-05)" in forgetting_warning({**FUNG_SETTINGS, **climbing}, 1367, 28, 3_212_000_000)


def test_a_last_batch_that_is_not_full_makes_no_more_epochs():
    settings = {**FUNG_SETTINGS, "batch_size": 4, "iters": iterations(2, 10, 4)}
    assert forgetting_warning(settings, 10, 28, 3_212_000_000) is None


def test_fungs_own_settings_give_no_warning_and_a_small_model_gets_a_word_more():
    assert forgetting_warning(FUNG_SETTINGS, 1367, 28, 3_212_000_000) is None
    assert "135 million" in forgetting_warning({**FUNG_SETTINGS, "learning_rate": 1e-3}, 1367, 30, 135_000_000)


# The machine


# Peaks that MLX reported for AdamW on a CPU, in GB: SmolLM2-135M in float32.
MEASURED = [
    (256, 1, False, 8, 0.879), (256, 1, False, 30, 1.213), (256, 1, True, 30, 0.809), (512, 1, False, 8, 1.248),
    (512, 1, True, 8, 1.021), (1024, 1, False, 12, 2.458), (1024, 1, True, 12, 1.528), (256, 4, False, 12, 2.108),
    (256, 4, True, 12, 1.499), (1024, 1, False, 30, 4.022), (512, 4, True, 8, 2.444), (1024, 4, True, 12, 4.460),
]  # fmt: skip


@pytest.mark.parametrize(("length", "batch_size", "grad_checkpoint", "layers", "gigabytes"), MEASURED)
def test_predicted_memory_is_near_what_was_measured(length, batch_size, grad_checkpoint, layers, gigabytes):
    model = model_without_weights(SMOLLM2)
    model.freeze()
    linear_to_lora_layers(model, layers, {"rank": 8, "scale": 20.0, "dropout": 0.0})
    predicted = predicted_memory(shape_of(model, SMOLLM2), batch_size, length, grad_checkpoint, "adamw")
    assert predicted.peak / 1e9 == pytest.approx(gigabytes, rel=0.1)


def adapted(config, layers):
    model = model_without_weights(config)
    model.freeze()
    linear_to_lora_layers(model, layers, {"rank": 8, "scale": 20.0, "dropout": 0.0})
    return model


def test_a_training_that_can_not_fit_is_refused_with_settings_that_would():
    model, settings = adapted(SMOLLM2, 12), {**FUNG_SETTINGS, "batch_size": 4, "grad_checkpoint": False}
    small = MachineMemory(total=2_000_000_000, available=2_000_000_000)
    with pytest.raises(ConfigurationError, match=r"about 8\.. GB.* has 2\.0 GB") as raised:
        check_memory(model, SMOLLM2, settings, 1024, small)
    fits = dict(re.findall(r"training\.(\w+): (\w+)", str(raised.value)))
    assert fits["grad_checkpoint"] == "true" and int(fits["batch_size"]) < 4
    lowered = {**settings, "grad_checkpoint": True, "batch_size": int(fits["batch_size"]), "max_seq_length": 1024}
    assert with_settings(shape_of(model, SMOLLM2), lowered).peak <= small.total
    one_more = {**lowered, "batch_size": lowered["batch_size"] + 1}
    assert with_settings(shape_of(model, SMOLLM2), one_more).peak > small.total


def test_a_model_too_large_for_any_setting_is_told():
    with pytest.raises(ConfigurationError, match="No setting makes it fit: choose a smaller or a quantized base_model"):
        check_memory(adapted(SMOLLM2, 12), SMOLLM2, FUNG_SETTINGS, 1024, MachineMemory(300_000_000, 200_000_000))


def test_too_little_free_memory_says_what_to_close(trainable, caplog):
    model = adapted(SMOLLM2, 12)
    check_memory(model, SMOLLM2, FUNG_SETTINGS, 1024, MachineMemory(16_000_000_000, 8_000_000_000))
    assert caplog.text == ""
    check_memory(model, SMOLLM2, FUNG_SETTINGS, 1024, MachineMemory(16_000_000_000, 500_000_000))
    assert "500 MB are free now" in caplog.text and "quit the editor, the browser and chat programs" in caplog.text


def test_metals_advice_is_the_limit_where_there_is_one():
    assert MachineMemory(16, 8, metal=12).usable == 12 and MachineMemory(16, 8).usable == 16


def test_this_machines_memory_is_read():
    memory = memory_of_machine()
    assert 0 < memory.available <= memory.total and memory.total > 1e9


def test_growing_swap_is_told_once_for_each_growth():
    in_swap = iter([10**9, 10**9, 1_200_000_000, 1_300_000_000, 1_300_000_000, 1_100_000_000, 2 * 10**9])
    watch = SwapWatch(lambda: next(in_swap))
    warnings = [watch.warning() for _ in range(6)]
    assert [bool(warning) for warning in warnings] == [False, False, True, False, False, True]
    assert warnings[2].startswith("swap has grown by 300 MB to 1.3 GB") and "quit the editor" in warnings[2]


def test_disk_counts_the_adapters_and_each_export():
    needed = needed_disk(adapted(SMOLLM2, 12), 100, 10, 3, "adamw", ["F16", "Q8_0", "mlx-4bit"])
    assert needed["mlx-4bit"] == 56
    assert needed["adapters and 3 saves"] == 4 * 10 * (3 + 3 + 3 * 3) and (needed["F16"], needed["Q8_0"]) == (200, 106)
    assert disk_of_adapters(10, 100, "adamw") == {"adapters and 100 saves": 4 * 10 * 2 * 101}


def test_the_disk_that_a_training_takes_is_what_was_said(trainable, monkeypatch, caplog):
    settings = {"epochs": 4, "save_every": 2}
    configure(**settings)
    taken = []
    add = MetricsFile.add
    monkeypatch.setattr(MetricsFile, "add", lambda self, line: (taken.append(bytes_of_adapters()), add(self, line)))
    train_it(**settings)
    taken.append(bytes_of_adapters())
    one = sum(values.nbytes for values in mx.load(OUTPUTS["adapters.safetensors"]).values())
    said = disk_of_adapters(one // 4, 12, "adamw")["adapters and 12 saves"]
    assert 0.9 * said < max(taken) <= said
    assert "disk: 0 MB for adapters and 12 saves 0 MB" in caplog.text


def bytes_of_adapters():
    """What the tensors in the files take, without the files' headings."""
    files = Path("models/x").rglob("*.safetensors")
    return sum(values.nbytes for path in files for values in mx.load(str(path)).values())


def test_too_little_disk_is_told_before_the_first_step(trainable, monkeypatch, caplog):
    monkeypatch.setattr(train_stage, "free_disk", lambda _: 1000)
    train_it(epochs=1)
    assert re.search(r"Warning: this takes .* on the disk, and 0 MB are free", caplog.text)


@pytest.mark.parametrize(
    "config",
    [
        {
            "model_type": "gemma3",
            "text_config": {"model_type": "gemma3_text", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        },
        {"model_type": "gpt2", "n_ctx": 64, "n_embd": 64, "n_head": 8, "n_layer": 2, "n_positions": 64, "vocab_size": 262208}
        | {"layer_norm_epsilon": 1e-5},
    ],
    ids=lambda config: config["model_type"],
)  # fmt: skip
def test_memory_is_predicted_from_what_a_family_calls_its_sizes(config):
    """Google's own Gemma 3 names neither its heads nor its vocabulary."""
    model = model_without_weights(copy.deepcopy(config))
    model.freeze()
    linear_to_lora_layers(model, 2, {"rank": 8, "scale": 20.0, "dropout": 0.0})
    shape = shape_of(model, config)
    assert (shape.hidden, shape.heads, shape.vocabulary, shape.layers) == (64, 8, 262208, 2)


def test_a_model_without_attention_has_no_scores_to_keep():
    config = {
        "model_type": "mamba", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "state_size": 16,
        "num_hidden_layers": 2, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True, "time_step_rank": 4,
    }  # fmt: skip
    shape = shape_of(model_without_weights(config), config)
    assert (shape.hidden, shape.heads, shape.queries, shape.mlp) == (64, 0, 0, 128)


def test_the_training_itself_tells_what_it_learns_from(trainable, caplog):
    train_it(epochs=1)
    assert "rows: 6 rows to train on, 2 to validate with" in caplog.text
    assert re.search(r"tokens: .* k, of which \d+% are learned from; \d+ a row on average", caplog.text)


# The time


def test_time_is_that_of_the_tokens_and_of_the_looks():
    training, evaluation = predicted_seconds([Timed(100, 2.0), Timed(300, 6.0)], 10_000, [Timed(100, 1.0)], 500)
    assert (training, evaluation) == (pytest.approx(200), pytest.approx(5))
    assert looks_at_validation(100, 50) == 3 and looks_at_validation(101, 50) == 4 and looks_at_validation(1, 50) == 1


def test_tokens_of_a_run_include_the_padding():
    assert tokens_of_batches([10, 40, 20, 90, 5], 2, 80) == [32, 2 * 32, 2 * 79]
    assert batches_by_length([10, 40, 20, 90, 5], 2) == [[4], [0, 2], [1, 3]]


# snakemake preflight


def test_preflight_tells_the_account_and_leaves_nothing_behind(trainable, capsys, caplog):
    for number, checkpoint in enumerate((False, True)):
        config = {**TRAINING, "batch_size": 1 + number, "grad_checkpoint": checkpoint, "grad_accumulation_steps": 3}
        write_lora_config(config, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")
        before = {path: path.read_bytes() for path in trainable.rglob("*") if path.is_file()}
        check_training("models/x/lora.yaml", TRAIN, VALID, str(BASE), "best", ["Q4_K_M"])
        assert {path: path.read_bytes() for path in trainable.rglob("*") if path.is_file()} == before
    assert capsys.readouterr().out == ""
    accounts = caplog.text.split("a few steps are made")
    assert re.search(r"rows +6 rows to train on, 2 to validate with", accounts[1])
    assert re.search(r"steps +12 iterations, 4 optimizer updates", accounts[1])
    assert re.search(r"time +about .* for 12 iterations, .* for 4 looks at 2 validation batches", accounts[1])
    assert re.search(r"effective batch size +6 ", accounts[2])
    seen = re.search(r"memory .* predicted .*, (\d+) MB seen on the longest rows", accounts[1])
    assert 0 < int(seen[1]) < 100


def test_a_wrong_keep_stops_preflight_before_a_weight_is_loaded(trainable, monkeypatch):
    write_lora_config(TRAINING, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")
    (BASE / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"training.keep is 7"):
        check_training("models/x/lora.yaml", TRAIN, VALID, str(BASE), 7, ["F16"])
    with pytest.raises(ConfigurationError, match=r"training.keep is 5"):
        check_training("models/x/lora.yaml", TRAIN, VALID, str(BASE), 5, ["F16"], patience=2)
    with pytest.raises(InputFileError, match="not a whole model"):
        check_training("models/x/lora.yaml", TRAIN, VALID, str(BASE), 7, ["F16"], patience=2)


def test_an_export_that_can_not_be_made_of_the_base_stops_preflight(trainable, caplog):
    write_lora_config(TRAINING, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")
    write_json(BASE / "config.json", read_json(BASE / "config.json") | OF_ANOTHER)
    with pytest.raises(ConfigurationError, match=r"GGUF can't be made: .* understudy run models/x/fused/config\.json"):
        check_training("models/x/lora.yaml", TRAIN, VALID, str(BASE), "best", ["F16", "mlx-4bit"])
    assert "hf/               yes, as transformers loads it" in caplog.text
    assert "a few steps are made" not in caplog.text


def test_snakemake_preflight_trains_nothing_and_asks_for_nothing(tmp_path, finished, teacher):
    project = finished.copied_to(tmp_path / "copy")
    before = project.contents("models/**/*.*") | project.contents("data/*/**/*.*")
    said = project.snakemake("preflight", "--quiet", "rules")
    assert (
        re.search(r"rows +\d+ rows to train on", said) and "optimizer updates" in said and "seen on the longest" in said
    )
    assert "learning_rate 0.001 (1e-05)" in said
    after = project.contents("models/**/*.*") | project.contents("data/*/**/*.*")
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()
    assert teacher.asked() == []
    assert project.planned() == {}


def test_snakemake_preflight_stops_with_the_line_that_helps(tmp_path, finished):
    project = finished.copied_to(tmp_path / "copy")
    project.configure(training={"max_seq_length": 4096})
    said = project.snakemake("preflight", succeeds=False)
    assert "Error: training.max_seq_length is 4096" in said and "Use training.max_seq_length: 2048 or less." in said
    assert "Traceback" not in said
