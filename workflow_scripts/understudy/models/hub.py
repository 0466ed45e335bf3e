"""Models of the Hugging Face hub, fetched file by file: what was broken off goes on where it stopped.

huggingface_hub reads Range requests but throws a broken-off file away when its process ends (`_download_to_tmp_and_move`
in its file_download.py), so the files are kept here, named by their content, until they are whole."""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, constants, errors, hf_hub_url, snapshot_download, try_to_load_from_cache
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers, get_token

from understudy.models.folder import MODEL_FILES, WEIGHTS, link_or_copy
from understudy.shared.credentials import without_secrets
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import file_sha256, read_json
from understudy.shared.log import log

INDEX = "model.safetensors.index.json"


class HubError(UnderstudyError):
    """The Hugging Face hub doesn't give the model."""


def fetch_model(
    name: str, revision: str | None, folder: Path, parts: Path, check_config: Callable[[Path], None]
) -> str:
    """Fill `folder` with the model files of the hub id `name`, and return the commit that they are of.

    `check_config` is called with `folder` when config.json is there and nothing else. Broken-off files wait in `parts`. What is
    in huggingface_hub's cache isn't fetched. Raises HubError."""
    with hub_errors(name, revision):
        if constants.HF_HUB_OFFLINE:
            return take_from_cache(name, revision, folder, check_config)
        info = HfApi().model_info(name, revision=revision, files_metadata=True)
        files = {file.rfilename: file for file in info.siblings or [] if wanted(file.rfilename)}

        def fetch(names: list[str]) -> None:
            for file in names:
                fetch_file(name, info.sha, files[file], folder / file, parts)

        if "config.json" not in files:
            raise HubError(f"base_model: {name} has no config.json on the hub, so it is no model that can be tuned.")
        fetch(["config.json"])
        check_config(folder)
        fetch([file for file in files if not fnmatch(file, WEIGHTS) and file != "config.json"])
        weights = weight_files(name, folder, set(files), {file.rfilename for file in info.siblings or []})
        check_disk(name, sum(files[file].size or 0 for file in weights), folder)
        fetch(weights)
        return info.sha


def wanted(name: str) -> bool:
    return "/" not in name and any(fnmatch(name, pattern) for pattern in MODEL_FILES)


def take_from_cache(name: str, revision: str | None, folder: Path, check_config: Callable[[Path], None]) -> str:
    """Link the files of huggingface_hub's cache; without a network."""
    snapshot = Path(
        snapshot_download(
            name, revision=revision, allow_patterns=list(MODEL_FILES), ignore_patterns="*/*", local_files_only=True
        )
    )
    for path in sorted(path for path in snapshot.iterdir() if wanted(path.name)):
        link_or_copy(path.resolve(), folder / path.name)
    check_config(folder)
    return snapshot.name


def weight_files(name: str, folder: Path, files: set[str], all_files: set[str]) -> list[str]:
    """Return the names of the weight files: those of the index, if there is one.

    Raises HubError if some are not on the hub, or if all that is there is pickled."""
    listed = set(read_json(folder / INDEX)["weight_map"].values()) if INDEX in files else set()
    if missing := sorted(listed - files):
        raise HubError(
            f"base_model: {name} lacks {missing[0]}, which its {INDEX} names. Choose another model or revision."
        )
    weights = sorted(listed or {file for file in files if fnmatch(file, WEIGHTS)})
    if not weights:
        there = sorted(file for file in all_files if file.endswith((".bin", ".pth", ".pt", ".gguf")))
        raise HubError(
            f"base_model: {name} has no model*.safetensors on the hub"
            + (f", only {there[0]}. " if there else ". ")
            + "Choose a model whose weights are safetensors; pickled ones can run code when they are loaded, and a .gguf file "
            "can be downloaded by hand and named by its path."
        )
    return weights


def check_disk(name: str, size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise HubError(
            f"base_model: {name} takes {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free where models/ is. Make room."
        )


def fetch_file(name: str, commit: str, file: RepoSibling, target: Path, parts: Path) -> None:
    """Put one file of a commit at `target`: from huggingface_hub's cache, otherwise from the hub, going on after its part."""
    cached = try_to_load_from_cache(name, file.rfilename, revision=commit)
    if isinstance(cached, str):
        link_or_copy(Path(cached).resolve(), target)
        return
    parts.mkdir(parents=True, exist_ok=True)
    sha256 = file.lfs.sha256 if file.lfs else None
    part = parts / Path(sha256 or f"{file.blob_id or commit}-{file.rfilename}").name
    with part.open("ab") as written:
        begun = written.tell()
        if begun:
            log.info("%s: going on after %s bytes", file.rfilename, f"{begun:,}")
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        url = hf_hub_url(name, file.rfilename, revision=commit)
        http_get(
            url, written, resume_size=begun, headers=headers, expected_size=file.size, displayed_filename=file.rfilename
        )
    if sha256 and file_sha256(part) != sha256:
        part.unlink()
        raise HubError(f"base_model: {file.rfilename} of {name} came damaged from the hub. Run it again.")
    part.replace(target)


@contextmanager
def hub_errors(name: str, revision: str | None) -> Iterator[None]:
    """Turn what huggingface_hub raises into one HubError, which never has the token."""
    try:
        yield
    except UnderstudyError:
        raise
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise HubError(f"base_model: {refusal(error, name, revision)}") from None
    except errors.HFValidationError as error:
        raise HubError(f"base_model: {name} is no hub id ({error}).") from None
    except (errors.HTTPError, OSError, UnicodeError) as error:
        raise HubError(f"base_model: {breakdown(error, name)}") from None


def refusal(error: Exception, name: str, revision: str | None) -> str:
    """Say what the hub, or its cache without a network, has against giving the model."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return f"{name} is gated. Accept its terms on the model's page, then `hf auth login`, or set HF_TOKEN."
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"the hub knows no {name}, and there is no such folder here. Check the name; a private model needs "
            "`hf auth login`, or HF_TOKEN."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name} has no revision {revision} on the hub. Mend base_model_revision."
    if constants.HF_HUB_OFFLINE:
        return (
            f"{name}{f' at {revision}' if revision else ''} is not whole in huggingface_hub's cache, and HF_HUB_OFFLINE forbids "
            "to fetch it. Unset HF_HUB_OFFLINE, or name a local folder as base_model."
        )
    if status == 401:
        return f"the hub refuses the token that was sent for {name}. `hf auth login` again, or mend or unset HF_TOKEN."
    if status == 403:
        return f"the token that was sent has no right to read {name}. Give it that right on the hub, or use another."
    return f"the hub answered {status} for {name}. Run it again later: it goes on where it stopped."


def breakdown(error: Exception, name: str) -> str:
    """Say what went wrong on the way, without the token."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full. Make room and run it again: {name} goes on where it stopped."
    if isinstance(error, UnicodeError) or "header value" in str(error):
        return "HF_TOKEN has characters that no token has, so it can't be sent. Set it again."
    said = without_secrets(f"{type(error).__name__}: {error}".strip(), [token for token in [get_token()] if token])
    return f"{name} can't be fetched from the hub ({said}). Run it again when online: it goes on where it stopped."
