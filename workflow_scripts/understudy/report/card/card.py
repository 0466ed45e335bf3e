"""Write models/{name}/README.md: the card that tells what the model was trained on, how, and what not to expect of it."""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from jinja2 import Environment, StrictUndefined

from understudy.export.published_files import UNDERSTUDY_RECORD, size_of
from understudy.export.table import ladder_markdown
from understudy.models.folder import MLX_FOLDERS
from understudy.models.licence import BaseModel, Licence, base_model_of, licence_of
from understudy.passages.frame import frame_in_words
from understudy.report.card.facts import pairs_of, talks_of, training_of
from understudy.report.card.usage import Exports, usage_of
from understudy.shared.files import file_sha256, read_json, read_json_lines, write_text
from understudy.shared.formats import in_gigabytes
from understudy.shared.log import log
from understudy.shared.safe_markdown import Markdown, as_markdown, as_own_markdown

TEMPLATE = Path(__file__).with_name("model_card.md")
# The hub takes ISO 639; captions name regions too, such as en-GB.
LANGUAGE = re.compile(r"[a-z]{2,3}(?=-|$)")
PURPOSES = {
    "adapters": "the LoRA adapters alone, for mlx_lm on the base model",
    "fused": "the model in MLX's own layout",
    **{
        name: f"the model in {bits} bits a weight, for mlx_lm and LM Studio on a Mac"
        for name, bits in MLX_FOLDERS.items()
    },
}


def write_model_card(
    paths: dict[str, str],
    exports: Exports,
    voice: str,
    general_share: float | None,
    output: str,
    proof: str = "",
    evaluation: str = "",
    notice: str | None = None,
    with_transcripts: bool = False,
    whose: str | None = None,
    rights: str | None = None,
) -> None:
    """Write the card to `output`.

    `paths` has videos, transcripts, base and models (folders), report, pairs, train, lora_config, metrics and adapters;
    `general_share` is the part of general rows among the training's, `proof` and `evaluation` Markdown
    on the steps of the export and on what the evaluation found, `notice` what stands under every answer; `with_transcripts` says
    that the talks' text is published beside the model; `whose` and
    `rights` whose talks they are and by what right."""
    report, base = read_json(paths["report"]), base_model_of(paths["base"])
    licence = licence_of(paths["base"])
    talks = talks_of(read_json(paths["videos"]), paths["transcripts"], report)
    text = rendered(
        head=Markdown(card_head(exports, base, licence, report["languages"])),
        name=exports.name,
        opening=opening(voice, talks["count"], base),
        notice=as_own_markdown(notice or ""),
        built_with="Built with Llama." if licence and licence.id.startswith("llama") else "",
        talks=talks,
        pairs=pairs_of([pair for _, pair in read_json_lines(paths["pairs"])], report, general_share),
        training=training_of(paths["lora_config"], paths["metrics"], paths["adapters"]),
        files=files_of_model(Path(paths["models"]), exports),
        proof=Markdown(proof),
        evaluation=Markdown(evaluation),
        usage=[{**way, "commands": Markdown(way["commands"])} for way in usage_of(exports, base.hub_id)],
        elsewhere="Ollama, LM Studio and other programs" if exports.quantizations else "Other programs",
        frame=Markdown(frame_in_words()),
        with_transcripts=with_transcripts,
        whose_talks=whose_talks(whose, rights),
        languages=limit_of_languages(report["languages"]),
        licence=licence_in_words(licence, base),
        provenance=provenance(paths, exports.name, base),
    )
    write_text(output, text)
    log.info("%s: the model's card", output)


def rendered(**values: Any) -> str:
    """Return the card; whatever isn't marked as Markdown becomes text that shows itself."""
    environment = Environment(finalize=as_markdown, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def card_head(exports: Exports, base: BaseModel, licence: Licence | None, languages: dict[str, int]) -> str:
    """Return the YAML between its two lines, as the hub reads it: https://huggingface.co/docs/hub/model-cards"""
    codes = [found[0] for language in languages if (found := LANGUAGE.match(language))]
    data = ModelCardData(
        base_model=base.hub_id,
        language=list(dict.fromkeys(codes)) or None,
        library_name="transformers",
        license=licence.id if licence else None,
        license_name=licence.name if licence and licence.id == "other" else None,
        license_link=licence.link if licence and licence.id == "other" else None,
        pipeline_tag="text-generation",
        tags=["understudy", "lora", *(["gguf"] if exports.quantizations else [])],
    )
    return f"---\n{data.to_yaml()}\n---\n"


def opening(voice: str, talks: str, base: BaseModel) -> str:
    return (
        f"A small language model that answers in a teacher's voice: {voice.rstrip('.')}. Made with Understudy from {talks}, on "
        f"the base model {base.name}."
    )


def whose_talks(whose: str | None, rights: str | None) -> str:
    """Whose talks these are and by what right they are used, as the project's owner says."""
    said = [
        f"The talks are by {whose.rstrip('.')}." if whose else "",
        f"Used by this right: {rights}" if rights else "",
    ]
    return " ".join(filter(None, said))


def files_of_model(models: Path, exports: Exports) -> list[dict[str, str]]:
    """Return a line for each part of the model that the reader of the card has."""
    folder, is_published = models / exports.name, exports.repository is not None
    lines = [
        (
            "the files beside this card" if is_published else f"{folder / 'hf'}/",
            folder / "hf",
            "transformers, mlx_lm, vLLM",
        )
    ]
    for export in exports.named:
        path = folder / export if export in PURPOSES else models / f"{exports.name}-{export}.gguf"
        shown = path.name if is_published else str(path)
        if export in PURPOSES:
            shown += "/"
        lines.append((shown, path, PURPOSES.get(export, "llama.cpp, Ollama, LM Studio")))
    return [{"shown": shown, "size": in_gigabytes(size_of(path)), "purpose": use} for shown, path, use in lines]


def limit_of_languages(languages: dict[str, int]) -> str:
    if not languages:
        return "It answers in the language of the talks; others were not trained."
    return f"It was trained in {' and '.join(languages)}; what it says in another language was not looked at."


def licence_in_words(licence: Licence | None, base: BaseModel) -> Markdown:
    """Return the licence of the base model and where it is to be read, or where to look for it."""
    name = as_markdown(base.name)
    page = f"[{name}](https://huggingface.co/{base.hub_id})" if base.hub_id else name
    if licence is None:
        return Markdown(f"unknown. Look at {page} before you pass the model on.")
    shown = as_markdown(licence.name if licence.id == "other" and licence.name else licence.id)
    link = f" ([its text]({licence.link}))" if licence.link else ""
    return Markdown(f"{shown}{link}, as {page} says.")


def provenance(paths: dict[str, str], name: str, base: BaseModel) -> dict[str, str]:
    """Return what the model was made of, as understudy.json in the Hugging Face folder says, or as the files are."""
    path = Path(paths["models"]) / name / "hf" / UNDERSTUDY_RECORD
    record = read_json(path) if path.exists() else {}
    revision = f" at {base.revision}" if base.revision else ""
    lines = {
        "base model": f"{base.name}{revision}",
        "adapters, sha256": record.get("adapters_sha256") or file_sha256(paths["adapters"]),
        "training rows, sha256": record.get("dataset_sha256") or file_sha256(paths["train"]),
        "Understudy": record.get("workflow_version"),
    }
    return {key: value for key, value in lines.items() if value}


def proof_of_export(path: str) -> str:
    """The ladder of proof in Markdown, with its picture."""
    return f"{ladder_markdown(read_json(path))}\n![What each step of the export did to the model](export.svg)\n"
