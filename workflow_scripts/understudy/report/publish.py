"""Bring the model with its card to the Hugging Face hub, or only tell what would go up."""

from pathlib import Path

from tabulate import tabulate

from understudy.export.published_files import PublishedFile, files_to_publish
from understudy.export.upload import upload
from understudy.models.licence import base_model_of, head_of_readme
from understudy.shared.formats import counted, file_size
from understudy.shared.log import log

CONSENT = "A voice is borrowed: publish a model of a person's talks only with their consent, and with the right to use the talks."

WITH_TEXT = "By export.publish_transcripts the whole text of the talks goes up in data/index/: only with the right to pass it on."


def publish_model(
    models: Path,
    name: str,
    repository: str | None,
    is_private: bool,
    named: list[str],
    base: str,
    sends: bool,
    index: Path | None = None,
) -> None:
    """Log what goes up of the model `name` in the folder `models` and, if `sends`, bring it to `repository`.

    `named` is what of adapters, fused, MLX folders and quantizations goes up beside hf/, `base` the base model's folder, `index`
    that of the talks' text where this goes up, too."""
    files = files_to_publish(models, name, named, base_model_of(base).hub_id, index)
    log.info("%s", table_of(files))
    log.info("To %s, %s.", repository or "no repository yet", "private" if is_private else "public: anyone can read it")
    if not is_private:
        log.warning("%s", CONSENT)
    if index is not None:
        log.warning("%s", WITH_TEXT)
    remind_of_the_name(models / name / "README.md", repository)
    if not sends:
        log.info(
            "Nothing was sent. %s",
            "To send it: understudy run publish" if repository else "Set export.hub_repo to publish.",
        )
        return
    address = upload(repository, is_private, files, f"Understudy: {name}")
    log.info("Published: %s", address)


def table_of(files: list[PublishedFile]) -> str:
    """Return a line a file, with its size, and the sum."""
    rows = [(file.path_in_repo, file_size(file.size)) for file in files]
    rows.append((counted(len(files), "file"), file_size(sum(file.size for file in files))))
    return tabulate(rows, headers=("file in the repository", "size"), colalign=("left", "right"), disable_numparse=True)


def remind_of_the_name(card: Path, repository: str | None) -> None:
    """Warn where the licence of a Llama asks for a name that begins with it (Llama 3.2 Community License, 1.b.i)."""
    licence = str(head_of_readme(card).get("license", ""))
    if repository and licence.startswith("llama") and not repository.rpartition("/")[2].lower().startswith("llama"):
        log.warning("Warning: the licence of the base model, %s, asks for a name that begins with Llama.", licence)
