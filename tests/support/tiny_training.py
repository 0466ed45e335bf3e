"""A training on a tiny random model: the paths of a project, its rows, and how to start and stop it."""

import os
import signal
from pathlib import Path

from understudy.train import adapters as train_stage
from understudy.train.lora_config import write_lora_config
from understudy.train.watch import Watcher

BASE = Path("models/base/tiny")
TRAIN, VALID = "data/dataset/train.jsonl", "data/dataset/valid.jsonl"
OUTPUTS = {
    "adapters.safetensors": "models/x/adapters/adapters.safetensors",
    "adapter_config.json": "models/x/adapters/adapter_config.json",
    "metrics.csv": "models/x/metrics.csv",
}
TRAINING = {
    "epochs": 2,
    "num_layers": 1,
    "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0},
    "optimizer": "adamw",
    "learning_rate": 1e-2,
    "batch_size": 1,
    "grad_accumulation_steps": 1,
    "grad_checkpoint": False,
    "max_seq_length": 256,
    "mask_prompt": True,
    "steps_per_eval": 4,
    "steps_per_report": 2,
    "save_every": 4,
    "seed": 42,
}


def chat_row(question="What is it?", answer="It is a test, and it goes well."):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def configure(**changes):
    write_lora_config({**TRAINING, **changes}, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")


def train_it(keep="best", patience=0, **changes):
    """Train, and return the bytes of the adapters that are kept."""
    configure(**changes)
    train_stage.train_adapters("models/x/lora.yaml", TRAIN, VALID, str(BASE), OUTPUTS, keep, patience)
    return Path(OUTPUTS["adapters.safetensors"]).read_bytes()


def stop_at(monkeypatch, iteration):
    """Have Ctrl-C come during the step `iteration`."""
    on_step = Watcher.on_step

    def interrupt(self, at, *arguments):
        on_step(self, at, *arguments)
        if at == iteration:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Watcher, "on_step", interrupt)
