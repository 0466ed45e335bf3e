"""What a model card tells of the talks, the pairs and the training, from the records of the stages that made them."""

import json
from pathlib import Path
from typing import Any

import yaml

from understudy.shared.files import read_json
from understudy.shared.formats import as_duration, counted
from understudy.shared.safe_markdown import Markdown, as_markdown
from understudy.source.account import account_of_channel
from understudy.train.checkpoints import KEPT
from understudy.train.metrics import read_metrics

SIDES = {"train": "trained on", "valid": "held out, for validation", "test": "held out, for a test"}
ORIGINS = {"teacher": "written by a model from the captions", "extra_pairs": "written by hand"}
# Of mlx_lm's configuration what is a path of this machine, or shapes no adapter.
NO_SETTINGS = ("model", "train", "data", "adapter_path", "resume_adapter_file", "test", "test_batches")
NO_SETTINGS += ("report_to", "project_name", "trust_remote_code", "clear_cache_threshold")
KINDS = {"lora": "LoRA", "dora": "DoRA"}
CHANNELS = ("https://", "http://", "@")
NAMED_TALKS = 20


def talks_of(videos: list[dict], transcripts: str | Path, report: dict) -> dict[str, Any]:
    """Return the sentences on the talks: how many, how long, from where, and which are missing."""
    missing, titles = set(report["missing_videos"]), {video["video_id"]: video["title"] for video in videos}
    listed = [video for video in videos if video["video_id"] not in missing]
    accounts = [account for account in account_of_channel(listed, transcripts) if account.status == "ok"]
    titles |= {account.video_id: account.title for account in accounts}
    seconds = sum(account.speech_s or 0 for account in accounts)
    length = f", {as_duration(seconds)}" if seconds else ""
    channels = sorted({video["channel"] for video in listed if str(video["channel"]).startswith(CHANNELS)})
    origin = f", of {', '.join(channels)}" if channels else ""
    languages = f" Languages: {', '.join(report['languages'])}." if report["languages"] else ""
    count = counted(len(accounts), "talk") if videos else "pairs alone, without transcripts"
    return {
        "count": count,
        "have_transcripts": bool(videos),
        "sentence": f"{count[0].upper()}{count[1:]}{length}{origin}.{languages}",
        "missing": named("Listed, but without answers when the data set was made", missing, titles),
        "unavailable": named("Listed, but without captions", report["unavailable"], titles),
    }


def named(what: str, video_ids, titles: dict[str, str]) -> Markdown:
    """Return a sentence that names some talks, each on its own in emphasis; nothing if there are none."""
    ids = sorted(video_ids, key=lambda video_id: titles.get(video_id, video_id))
    if not ids:
        return Markdown("")
    shown = [f"*{as_markdown(titles.get(video_id) or video_id)}*" for video_id in ids[:NAMED_TALKS]]
    more = f" and {len(ids) - NAMED_TALKS} more" if len(ids) > NAMED_TALKS else ""
    return Markdown(f"{what}: {', '.join(shown)}{more}.")


def pairs_of(pairs: list[dict], report: dict, general_share: float | None) -> dict[str, Any]:
    """Return the sentences on the pairs, and the rows of each side of the split."""
    models = sorted({pair[key] for pair in pairs for key in ("question_model", "answer_model") if pair[key]})
    origins = [f"{count} {ORIGINS[origin]}" for origin, count in report["pairs"].items()]
    rejected = sum(report["rejected"].values())
    by = f" The model that wrote: {', '.join(models)}." if models else ""
    return {
        "sentence": f"{counted(sum(report['pairs'].values()), 'pair')} of a question and an answer: {', '.join(origins)}; "
        f"{rejected:,} of them rejected.{by}",
        "sides": [
            {"name": SIDES[side], "rows": f"{rows:,}", "talks": report["split"]["videos"].get(side, 0)}
            for side, rows in report["rows"].items()
        ],
        "split": split_in_words(report["split"]),
        "general": f"{general_share:.0%} of the training rows are general chat rows, against forgetting."
        if general_share
        else "",
        "grounded": grounded_in_words(report),
    }


def grounded_in_words(report: dict) -> str:
    """Say how many rows have passages of the talks, if any."""
    rows = report.get("grounding", {}).get("rows", {})
    with_passages = sum(count for kind, count in rows.items() if kind != "small_talk")
    if not with_passages:
        return ""
    refused = rows.get("misses_alone", 0) + rows.get("outside_field", 0)
    return (
        f"{counted(with_passages, 'training row')} have passages of the talks beside the question; in {refused:,} of them the "
        "answer is that no talk says it."
    )


def split_in_words(proof: dict) -> str:
    """Say what the data set's proof of its split has found."""
    shared, similar = len(proof["videos_on_both_sides"]), proof["near_duplicates_across"]
    found = (
        "no held-out row comes from a talk that was trained on"
        if not shared
        else f"{counted(shared, 'talk')} on both sides"
    )
    near = (
        f"{similar} held-out rows are nearly those of the training"
        if similar
        else "none is nearly one of the training's"
    )
    return f"The split is by talk: {found}, and {near}."


def training_of(lora_config: str, metrics: str, adapters: str) -> dict[str, Any]:
    """Return the sentence on the training, and its settings under mlx_lm's names."""
    config = yaml.safe_load(Path(lora_config).read_text(encoding="utf-8"))
    kept, last = read_json(Path(adapters).parent / KEPT), read_metrics(metrics)[-1]
    layers = "all layers" if config["num_layers"] == -1 else f"the last {counted(config['num_layers'], 'layer')}"
    made = f"{last['iteration']:,.0f} of {counted(config['iters'], 'iteration')} in {as_duration(last['seconds'])}"
    iteration, loss = kept["kept"]["iteration"], kept["kept"]["valid_loss"]
    losses = f"Loss on the held-out talks, in nats a token: {kept['first_valid_loss']:.3f} before the first step"
    losses += f", {loss:.3f} with the adapters that were kept." if loss is not None else "."
    return {
        "sentence": f"{KINDS[config['fine_tune_type']]} adapters on {layers} of the base model, by mlx_lm: {made}. "
        f"Kept are the adapters of iteration {iteration:,} (keep: {kept['kept']['keep']}), fused into the base model. {losses}",
        "settings": settings_of(config),
    }


def settings_of(config: dict[str, Any]) -> dict[str, str]:
    """Return mlx_lm's configuration flat, with only the arguments of the optimizer that was used."""
    flat = {key: value for key, value in config.items() if key not in (*NO_SETTINGS, "lora_parameters")}
    flat["optimizer_config"] = flat["optimizer_config"].get(config["optimizer"], {})
    flat |= {f"lora_parameters.{key}": value for key, value in config["lora_parameters"].items()}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in flat.items()}
