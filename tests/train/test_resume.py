"""Trainings that are stopped, killed or short of disk, and go on: the same adapters as without."""

import errno
import fcntl
import logging
import math
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import pytest

from project import in_a_process
from tiny_training import BASE, OUTPUTS, TRAIN, VALID, chat_row, configure, stop_at, train_it
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import file_sha256, read_json, write_json_lines
from understudy.shared.folder_lock import alone_in
from understudy.train import adapters as train_stage
from understudy.train import loop as training_loop
from understudy.train import watch as training_watch
from understudy.train.batches import RowOrder, batches_per_epoch, similar_lengths_together
from understudy.train.checkpoints import RunInUse, SaveFailed, best_name, run_in_use
from understudy.train.loop import Stretch, TrainingInterrupted, TrainingLoop, next_stretch
from understudy.train.machine import SwapWatch
from understudy.train.metrics import COLUMNS, MetricsFile, read_metrics
from understudy.train.resume import iterations_of_states
from understudy.train.watch import TrainingDiverged, Watcher

REPOSITORY = Path(__file__).resolve().parents[2]
# Dropout, a schedule, gradients left over, a look between two updates: all that a state has to know.
DEMANDING = {
    "epochs": 7,
    "grad_accumulation_steps": 4,
    "save_every": 8,
    "steps_per_eval": 5,
    "steps_per_report": 3,
    "val_batches": 1,
    "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.2},
    "lr_schedule": {"name": "cosine_decay", "arguments": [1e-2, 8, 1e-4], "warmup": 2},
}
IN_A_PROCESS = f"""
import sys
from understudy.shared.log import start_job_log
from understudy.train import adapters as stage
start_job_log("log.txt")
stage.train_adapters("models/x/lora.yaml", {TRAIN!r}, {VALID!r}, {str(BASE)!r}, {OUTPUTS!r})
"""


def start_training():
    """The training in a process of its own, as a rule's job runs it."""
    return subprocess.Popen(in_a_process(IN_A_PROCESS), stderr=subprocess.PIPE, text=True)


def run_folder():
    (folder,) = Path("models/x/runs").iterdir()
    return folder


def curve(path=None):
    """What metrics.csv says of losses; speeds and times differ from run to run."""
    lines = read_metrics(path or OUTPUTS["metrics.csv"])
    return [{k: line.get(k) for k in ("iteration", "train_loss", "valid_loss", "trained_tokens")} for line in lines]


def published():
    return {path.name: file_sha256(path) for path in Path("models/x/adapters").iterdir()}


def whole_run(**settings):
    """What an uninterrupted training gives; its folder is gone afterwards."""
    train_it(**settings)
    result = published(), curve()
    shutil.rmtree("models/x/runs")
    shutil.rmtree("models/x/adapters")
    return result


def test_a_stretch_ends_at_a_save_or_where_gradients_are_left_over():
    fung = {"iterations": 2734, "accumulation": 8, "save_every": 504}
    assert next_stretch(0, **fung) == Stretch(0, 504, 8)
    assert next_stretch(16, **fung) == Stretch(16, 504, 8)
    assert next_stretch(2520, **fung) == Stretch(2520, 2728, 8)
    assert next_stretch(2728, **fung) == Stretch(2728, 2734, 6)


@pytest.mark.parametrize(
    "settings",
    [
        DEMANDING,
        pytest.param(
            {**DEMANDING, "batch_size": 2, "optimizer": "muon", "num_layers": 2}, marks=pytest.mark.long, id="batches"
        ),
    ],
)
def test_ten_kills_at_random_and_the_adapters_are_the_same(trainable, settings):
    """SIGKILL, each time a little further into the training, which is long enough for all ten."""
    settings = {**settings, "epochs": 12 * settings.get("batch_size", 1), "steps_per_report": 1}
    expected = whole_run(**settings)
    configure(**settings)
    random.seed(3)
    kills = 0
    while kills < 10:
        training = start_training()
        before = steps_done()
        kill_after = before + random.randint(1, 4)
        while steps_done() < kill_after:
            assert training.poll() is None, training.stderr.read()
            time.sleep(0.002)
        training.kill()
        training.wait()
        kills += 1
    assert not list(run_folder().glob("finished.json"))
    train_it(**settings)
    assert (published(), curve()) == expected


def steps_done():
    """How many lines the metrics of the run have."""
    return sum(
        len(path.read_text(encoding="utf-8").splitlines()) for path in Path("models/x").glob("runs/*/metrics.csv")
    )


@pytest.mark.parametrize("iteration", [1, 4, 6, 8, 40, 41, 42])
def test_ctrl_c_saves_at_once_and_the_next_run_goes_on(trainable, monkeypatch, iteration):
    expected = whole_run(**DEMANDING)
    saved = iteration if iteration == 42 else iteration // 4 * 4
    with monkeypatch.context() as patched:
        stop_at(patched, iteration)
        with pytest.raises(TrainingInterrupted, match=rf"saved after iteration {saved} of 42.*goes on"):
            train_it(**DEMANDING)
        assert not Path(OUTPUTS["adapters.safetensors"]).exists()
    train_it(**DEMANDING)
    assert (published(), curve()) == expected


def test_ctrl_c_in_the_last_look_saves_again_when_it_comes_again(trainable, monkeypatch):
    expected = whole_run(**DEMANDING)
    look = TrainingLoop._look

    def interrupted(self, iteration):
        if iteration == 42:
            os.kill(os.getpid(), signal.SIGINT)
        look(self, iteration)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingLoop, "_look", interrupted)
        for _ in range(2):
            with pytest.raises(TrainingInterrupted, match="saved after iteration 42 of 42"):
                train_it(**DEMANDING)
    train_it(**DEMANDING)
    assert (published(), curve()) == expected


def test_two_processes_do_not_train_in_one_folder(trainable):
    """A job whose Snakemake was killed goes on, and somebody starts the same command again."""
    configure(**{**DEMANDING, "epochs": 200})
    training = start_training()
    while steps_done() < 3:
        assert training.poll() is None
        time.sleep(0.01)
    with pytest.raises(RunInUse, match=r"Another process trains in models/x/runs/\w+\. Wait for it, or end it"):
        train_it(**{**DEMANDING, "epochs": 200})
    assert training.poll() is None
    training.kill()
    training.wait()
    with alone_in(run_folder(), run_in_use(run_folder())):
        assert not (run_folder() / "finished.json").exists()


def test_one_node_keeps_out_another_on_a_network_file_system(tmp_path, monkeypatch):
    """NFS makes byte-range locks of flock, and those take a file that is open for writing."""
    flock = fcntl.flock

    def flock_on_nfs(handle: int, operation: int) -> None:
        is_writable = fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)
        if not (is_writable and stat.S_ISREG(os.fstat(handle).st_mode)):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock_on_nfs)
    with alone_in(tmp_path, run_in_use(tmp_path)), pytest.raises(RunInUse), alone_in(tmp_path, run_in_use(tmp_path)):
        pass


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, caplog):
    def no_flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_flock)
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    with alone_in(tmp_path, run_in_use(tmp_path)):
        assert "can't be locked (No locks available)" in caplog.text


def test_sigterm_saves_and_ends_with_a_message(trainable):
    configure(**{**DEMANDING, "epochs": 200})
    training = start_training()
    while steps_done() < 12:
        assert training.poll() is None
        time.sleep(0.01)
    training.terminate()
    _, said = training.communicate()
    assert training.returncode == 1
    assert "The training was stopped and is saved after iteration" in said and "Traceback" not in said


@pytest.mark.parametrize("damage", ["arrays", "record", "half a record", "gone"])
def test_a_damaged_last_save_falls_back_to_the_one_before(trainable, monkeypatch, caplog, damage):
    expected = whole_run(**DEMANDING)
    with monkeypatch.context() as patched, pytest.raises(TrainingInterrupted):
        stop_at(patched, 22)
        train_it(**DEMANDING)
    assert iterations_of_states(run_folder()) == [16, 20]
    arrays, record = run_folder() / "0000020_state.safetensors", run_folder() / "0000020_state.json"
    match damage:
        case "arrays":
            arrays.write_bytes(arrays.read_bytes()[:-1] + b"\x01")
        case "record":
            record.write_text('{"iteration": 20}', encoding="utf-8")
        case "half a record":
            record.write_bytes(record.read_bytes()[:100])
        case "gone":
            arrays.unlink()
    train_it(**DEMANDING)
    assert "0000020_state.safetensors is damaged" in caplog.text and "going on after iteration 16" in caplog.text
    assert (published(), curve()) == expected


def test_without_any_whole_save_it_starts_anew(trainable, monkeypatch):
    expected = whole_run(**DEMANDING)
    with monkeypatch.context() as patched, pytest.raises(TrainingInterrupted):
        stop_at(patched, 10)
        train_it(**DEMANDING)
    for path in run_folder().glob("*_state.safetensors"):
        path.write_bytes(b"half")
    train_it(**DEMANDING)
    assert (published(), curve()) == expected


def test_a_save_made_after_damaged_ones_is_the_one_that_counts(trainable, monkeypatch, caplog):
    expected = whole_run(**DEMANDING)
    stopped_at(26, monkeypatch)
    assert iterations_of_states(run_folder()) == [16, 24]
    for path in run_folder().glob("*_state.safetensors"):
        path.write_bytes(b"half")
    stopped_at(10, monkeypatch)
    assert iterations_of_states(run_folder()) == [8]
    train_it(**DEMANDING)
    assert "going on after iteration 8" in caplog.text
    assert (published(), curve()) == expected


def stopped_at(iteration, monkeypatch, **changes):
    with monkeypatch.context() as patched, pytest.raises(TrainingInterrupted):
        stop_at(patched, iteration)
        train_it(**{**DEMANDING, **changes})


def test_each_state_finds_what_was_best_when_it_was_saved(trainable, monkeypatch):
    stopped_at(26, monkeypatch, lr_schedule=None, learning_rate=3e-4)
    best = {}
    for at in iterations_of_states(run_folder()):
        looks = read_json(run_folder() / f"{at:07d}_state.json")["watched"]["valid_losses"]
        best[at] = min((loss, look) for look, loss in looks if look)[1]
    assert best == {16: 14, 24: 19}, "the loss is to fall from look to look"
    assert {path.name for path in run_folder().glob("best_*")} >= {best_name(look) for look in best.values()}


def test_what_a_kill_left_half_written_goes(trainable, monkeypatch):
    stopped_at(10, monkeypatch)
    (run_folder() / ".0000012_state.safetensors.abcd.part").write_bytes(b"half")
    train_it(**DEMANDING)
    assert not list(run_folder().glob(".*"))
    assert len(list(run_folder().glob("best_*"))) == 1 and not iterations_of_states(run_folder())


@contextmanager
def small_disk(folder, size):
    """A file system of its own at `folder`."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root on Linux")
    Path(folder).mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_for_temporary_files_stops_no_training(trainable, monkeypatch):
    with small_disk("temporary", "16k"), monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(Path("temporary").absolute()))
        train_it()


def test_a_full_disk_leaves_the_previous_save_whole(trainable):
    expected = whole_run(**DEMANDING)
    configure(**DEMANDING)
    with small_disk("models/x/runs", "150k"):
        training = start_training()
        _, said = training.communicate()
        assert training.returncode == 1
        assert "can't be saved: No space left on device" in said and "Traceback" not in said
        saved = iterations_of_states(run_folder())
        assert saved, "the disk is to hold one save at the least"
        assert not list(run_folder().glob("*.part"))
        shutil.copytree("models/x/runs", "saved")
    shutil.rmtree("models/x/runs")
    Path("saved").rename("models/x/runs")
    train_it(**DEMANDING)
    assert (published(), curve()) == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_metrics_that_do_not_fit_on_the_disk_are_told(tmp_path):
    metrics = MetricsFile(tmp_path / "metrics.csv")
    metrics.path = Path("/dev/full")
    with pytest.raises(SaveFailed, match="/dev/full can't be saved: No space left on device"):
        metrics.add({"iteration": 1})


def test_half_a_line_of_the_metrics_is_dropped(tmp_path):
    """As a power cut leaves it."""
    (tmp_path / "metrics.csv").write_text(f"{','.join(COLUMNS)}\n2,1,0.5,,,,,,\n4,2")
    metrics = MetricsFile(tmp_path / "metrics.csv", lines=3)
    metrics.add({"iteration": 4})
    assert read_metrics(metrics.path) == [{"iteration": 2, "epoch": 1, "train_loss": 0.5}, {"iteration": 4}]


def test_a_full_disk_at_the_very_end_is_told_and_nothing_is_trained_again(trainable, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(SaveFailed, match=r"models/x/adapters/.* No space left"):
        patched.setattr(shutil, "copyfile", full)
        train_it()
    monkeypatch.setattr(train_stage, "train_in", lambda *_: pytest.fail("trained again"))
    train_it()
    assert Path(OUTPUTS["adapters.safetensors"]).exists()


@pytest.mark.parametrize("damage", ["checkpoint", "best", "metrics gone", "another record", "half a record"])
def test_a_finished_run_whose_files_changed_is_trained_to_its_end_again(trainable, damage, caplog):
    train_it(**DEMANDING)
    expected = published(), curve()
    damaged = {"metrics gone": "metrics.csv", "checkpoint": "0*_adapters*", "best": "best_*"}.get(
        damage, "finished.json"
    )
    (path,) = list(run_folder().glob(damaged))[:1]
    match damage:
        case "metrics gone":
            path.unlink()
        case "another record":
            path.write_text('{"best": {"iteration": 4}, "last": {"iteration": 42}}')
        case _:
            path.write_bytes(b"half a file")
    shutil.rmtree("models/x/adapters")
    train_it(**DEMANDING)
    assert f"Warning: {path} is not what a finished training left there; it is trained again" in caplog.text
    assert (published(), curve()) == expected


# What is kept


def test_gradients_that_are_left_over_are_applied(trainable):
    """Six rows, five to an update: the sixth makes an update of its own."""
    train_it(epochs=1, grad_accumulation_steps=5, save_every=5, keep="last")
    after_five, after_six = (mx.load(f"models/x/adapters/{n:07d}_adapters.safetensors") for n in (5, 6))
    assert any(mx.any(after_five[name] != after_six[name]).item() for name in after_six)


def test_best_last_or_a_checkpoint_is_kept_without_training_again(trainable, monkeypatch):
    write_json_lines(VALID, [chat_row("Where did the bird fly?", "Away, across two wide rivers.")] * 2)
    train_it(epochs=10, learning_rate=3e-2)
    monkeypatch.setattr(train_stage, "train_in", lambda *_: pytest.fail("trained again"))
    kept = read_json("models/x/adapters/kept.json")
    looks = {
        line["iteration"]: line["valid_loss"] for line in read_metrics(OUTPUTS["metrics.csv"]) if "valid_loss" in line
    }
    lowest = min((at for at in looks if at), key=looks.get)
    assert (kept["best"]["iteration"], kept["kept"]["iteration"], kept["last"]["iteration"]) == (lowest, lowest, 60)
    assert kept["last"]["valid_loss"] == looks[60] and lowest < 60
    best = train_it(epochs=10, learning_rate=3e-2)
    last = train_it(epochs=10, learning_rate=3e-2, keep="last")
    assert last == Path("models/x/adapters/0000060_adapters.safetensors").read_bytes() != best
    eighth = train_it(epochs=10, learning_rate=3e-2, keep=8)
    assert eighth == Path("models/x/adapters/0000008_adapters.safetensors").read_bytes() not in (best, last)
    assert read_json("models/x/adapters/kept.json")["kept"]["iteration"] == 8
    with pytest.raises(ConfigurationError, match=r"keep is 9, but nothing is saved.*: 8; all of them: 4, 8 \.\.\. 60"):
        train_it(epochs=10, learning_rate=3e-2, keep=9)
    assert Path(OUTPUTS["adapters.safetensors"]).read_bytes() == eighth


def test_a_save_every_that_was_edited_by_hand_loses_no_gradient(trainable):
    settings = {"grad_accumulation_steps": 4, "save_every": 4}
    expected = whole_run(**settings)
    configure(**settings)
    lora_yaml = Path("models/x/lora.yaml")
    lora_yaml.write_text(lora_yaml.read_text().replace("save_every: 4", "save_every: 3"))
    train_stage.train_adapters(str(lora_yaml), TRAIN, VALID, str(BASE), OUTPUTS)
    adapters, kept = published(), expected[0]
    assert [name for name in kept if name.endswith(".safetensors") and adapters[name] != kept[name]] == []


def test_an_iteration_to_keep_that_can_not_be_is_told_before_an_early_stopped_training(trainable):
    with pytest.raises(
        ConfigurationError, match=r"keep is 5, but nothing is saved.*: 4; all of them: 3, 4, 7, 8, 12\."
    ):
        train_it(keep=5, patience=2)
    assert not Path("models/x/runs").exists()
    train_it(keep=4, patience=2)


def test_it_stops_early_where_the_validation_loss_no_longer_falls(trainable, caplog):
    write_json_lines(VALID, [chat_row("Where did the bird fly?", "Away, across two wide rivers.")] * 2)
    train_it(epochs=50, learning_rate=3e-2, patience=2)
    kept = read_json("models/x/adapters/kept.json")
    assert "stopped early after iteration" in caplog.text
    assert kept["last"]["iteration"] == kept["best"]["iteration"] + 2 * 4 < 300
    assert kept["last"]["valid_loss"] >= kept["best"]["valid_loss"]
    assert kept["kept"]["iteration"] == kept["best"]["iteration"]


def test_a_nan_stops_at_its_iteration_and_what_was_good_stays(trainable, monkeypatch):
    on_step = Watcher.on_step
    monkeypatch.setattr(
        Watcher, "on_step", lambda self, at, loss, *rest: on_step(self, at, math.nan if at == 11 else loss, *rest)
    )
    with pytest.raises(TrainingDiverged, match=r"training loss at iteration 11 is nan.*0000008_adapters.safetensors"):
        train_it(**DEMANDING)
    assert iterations_of_states(run_folder()) == [8]


def test_a_validation_loss_that_is_no_number_stops_and_what_was_good_stays(trainable, monkeypatch):
    evaluate, looks = training_loop.evaluate, []

    def look(*arguments, **others):
        looks.append(evaluate(*arguments, **others))
        return looks[-1] if len(looks) < 4 else math.nan

    monkeypatch.setattr(training_loop, "evaluate", look)
    with pytest.raises(
        TrainingDiverged, match=r"validation loss after iteration 14 is nan.*0000008_adapters.*best_0000004"
    ):
        train_it(**DEMANDING)
    assert iterations_of_states(run_folder()) == [8]
    assert not Path(OUTPUTS["adapters.safetensors"]).exists()


def test_the_update_of_the_gradients_left_over_is_looked_at_too(trainable):
    """Its step size is no number: the weights go before any loss tells."""
    schedule = {"name": "exponential_decay", "arguments": [1e-3, 1e45]}
    with pytest.raises(TrainingDiverged, match=r"adapters after iteration 6 are no numbers.*0000005_adapters"):
        train_it(epochs=1, grad_accumulation_steps=5, save_every=5, lr_schedule=schedule)
    assert iterations_of_states(run_folder()) == [5]


def test_growing_swap_is_told_during_the_training(trainable, monkeypatch, caplog):
    in_swap = iter([0, *[10**9] * 100])
    monkeypatch.setattr(training_watch, "SwapWatch", lambda: SwapWatch(lambda: next(in_swap)))
    train_it()
    assert caplog.text.count("Warning: swap has grown by 1.0 GB") == 1


def test_a_loss_that_stays_worse_than_guessing_stops(tmp_path):
    watcher = Watcher(iterations=100, per_epoch=100, report_every=10, patience=0, guessing=6.0)
    watcher.start(tmp_path / "metrics.csv")
    watcher.on_validation(0, 2.5)
    report = {"learning_rate": 1e-5, "peak_memory": 1.0}
    for iteration, loss in enumerate([2.0, 40.0, *[5.9] * 15, *[6.4] * 4], 1):
        watcher.on_step(iteration, loss, 10, 0.1, report)
    with pytest.raises(TrainingDiverged, match=r"at iteration 22 and the 9 before it are 6\.\d .* more than 6\.0"):
        for iteration in range(22, 30):
            watcher.on_step(iteration, 6.4, 10, 0.1, report)


# Batches


def test_each_row_comes_once_an_epoch_with_rows_of_its_length():
    lengths = [(17 * n) % 400 + 20 for n in range(50)]
    order = RowOrder(lengths, 4)
    batches = [next(order) for _ in range(2 * batches_per_epoch(50, 4))]
    epochs = batches[:13], batches[13:]
    for epoch in epochs:
        assert sorted(row for batch in epoch for row in batch) == list(range(50))
    assert epochs[0] != epochs[1]
    padded = sum(len(batch) * max(-(-lengths[row] // 32) for row in batch) for batch in epochs[0])
    alone = sum(-(-length // 32) for length in lengths)
    assert padded < 1.1 * alone


def test_rows_of_one_padded_length_stay_in_their_order():
    assert similar_lengths_together([4, 2, 0, 1, 3], [40, 10, 64, 33, 32], 2) == [[4, 1], [2, 0], [3]]
