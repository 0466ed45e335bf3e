"""Files into a repository of the Hugging Face hub: only what it lacks, in one commit at the end, so that a broken-off upload
goes on where it stopped and the repository never has half a model."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors, get_token
from huggingface_hub.hf_api import RepoFile
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from understudy.export.published_files import UNDERSTUDY_RECORD, PublishedFile
from understudy.models.folder import WEIGHTS
from understudy.models.hub import INDEX, HubError
from understudy.shared.credentials import HUB_TOKENS, places_of_secrets, secret, without_secrets
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import file_sha256
from understudy.shared.formats import counted, file_size
from understudy.shared.log import log
from understudy.shared.safe_markdown import plain_title

ATTEMPTS = 4
PASSING = (408, 429, 500, 502, 503, 504)
GOES_ON = "Run it again: what has arrived isn't sent again."


class MissingTokenError(UnderstudyError):
    """No token of the Hugging Face hub in the environment, in a .env file, or saved by `hf auth login`."""


def hub_token() -> str:
    """Return the token: the environment's, else a .env file's, else the one that `hf auth login` saved.

    Raises MissingTokenError that names the places searched."""
    token = next((found for name in HUB_TOKENS if (found := secret(name))), None) or get_token()
    if token:
        return token
    searched = ", ".join(str(place) for place in places_of_secrets())
    raise MissingTokenError(
        f"No token for the Hugging Face hub: `hf auth login`, or set HF_TOKEN in the environment or in one of {searched}. "
        "It needs the right to write."
    )


def upload(repository: str, is_private: bool, files: list[PublishedFile], message: str) -> str:
    """Bring `files` into the model repository, which is made if there is none, and return the commit's address.

    Raises MissingTokenError, or HubError for what the hub has against it."""
    if constants.HF_HUB_OFFLINE:
        raise HubError("HF_HUB_OFFLINE forbids to reach the hub. Unset it to publish.")
    token = hub_token()
    with upload_errors(repository, token):
        api = HfApi(token=token)
        retrying(lambda: open_repository(api, repository, is_private))
        hashes = {file.path_in_repo: hash_of(file) for file in files}
        return retrying(lambda: send(api, repository, files, hashes, message))


def retrying(step: Callable):
    """Take a step again when the hub is busy or can't be reached: the whole step, which sends only what is missing."""
    return Retrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(min=1, max=30),
        before_sleep=tell_of_waiting,
        reraise=True,
    )(step)


def is_passing(error: BaseException) -> bool:
    error = root_of(error)
    if isinstance(error, errors.HfHubHTTPError):
        return error.response.status_code in PASSING
    return isinstance(error, (errors.HTTPError, ConnectionError))


def root_of(error: BaseException) -> BaseException:
    """Return what went wrong in a file's upload, which huggingface_hub raises as a RuntimeError of its own."""
    return root_of(error.__cause__) if isinstance(error, RuntimeError) and error.__cause__ else error


def tell_of_waiting(state: RetryCallState) -> None:
    error = root_of(state.outcome.exception())
    status = getattr(getattr(error, "response", None), "status_code", None)
    what = f"answered {status}" if status else f"can't be reached ({type(error).__name__})"
    log.info("The hub %s; trying again in %.0f s", what, state.next_action.sleep)


def open_repository(api: HfApi, repository: str, is_private: bool) -> None:
    """Make the repository unless it is there. Raises HubError if it is there and public, but should be private."""
    api.create_repo(repository, private=is_private, exist_ok=True)
    is_private_there = api.model_info(repository).private
    if is_private and not is_private_there:
        raise HubError(
            f"export.private is true, but {repository} is there already and public. Set export.private: false if the model may "
            "be public, make the repository private on its page (Settings), or choose another export.hub_repo."
        )
    if is_private_there and not is_private:
        log.warning("Warning: %s is private and stays so; its page (Settings) can make it public.", repository)


def hash_of(file: PublishedFile) -> tuple[str, str]:
    """Return a file's sha256, and what git calls its content: the hub names large files by the one, small ones by the other."""
    if file.content is None and file.size > constants.DOWNLOAD_CHUNK_SIZE:
        return file_sha256(file.source), ""
    content = file.source.read_bytes() if file.content is None else file.content
    return hashlib.sha256(content).hexdigest(), hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def send(api: HfApi, repository: str, files: list[PublishedFile], hashes: dict, message: str) -> str:
    """Send what the repository lacks, then commit it; return the commit's address, or the repository's if nothing is new."""
    there = {
        entry.path: entry for entry in api.list_repo_tree(repository, recursive=True) if isinstance(entry, RepoFile)
    }
    lacking = [file for file in files if not is_there(there.get(file.path_in_repo), *hashes[file.path_in_repo])]
    stale = stale_weights(there, files)
    log.info("%s of %s are there already.", len(files) - len(lacking), counted(len(files), "file"))
    if not lacking and not stale:
        return f"{api.endpoint}/{repository}"
    additions = [addition_of(file, hashes[file.path_in_repo][0]) for file in lacking]
    for number, (file, addition) in enumerate(zip(lacking, additions, strict=True), 1):
        log.info("%d/%d %s, %s", number, len(lacking), file.path_in_repo, file_size(file.size))
        api.preupload_lfs_files(repository, [addition], free_memory=False, num_threads=1)
    for path in stale:
        log.info("%s is of an earlier model, and is removed.", path)
    deletions = [CommitOperationDelete(path) for path in stale]
    return api.create_commit(repository, [*additions, *deletions], commit_message=message).commit_url


def addition_of(file: PublishedFile, sha256: str) -> CommitOperationAdd:
    addition = CommitOperationAdd(file.path_in_repo, str(file.source) if file.content is None else file.content)
    # Gigabytes aren't read once more for it.
    addition.upload_info.sha256 = bytes.fromhex(sha256)
    return addition


def is_there(entry: RepoFile | None, sha256: str, git_sha1: str) -> bool:
    """Whether the repository has the same content at that path."""
    if entry is None:
        return False
    return entry.lfs.sha256 == sha256 if entry.lfs else entry.blob_id == git_sha1


def stale_weights(there: dict[str, RepoFile], files: list[PublishedFile]) -> list[str]:
    """Return the weights of an earlier model in the folders that are published: a loader would mix them with the new ones.

    Only in a repository that Understudy has filled before."""
    paths = {file.path_in_repo for file in files}
    folders = {path.rpartition("/")[0] for path in paths}
    if UNDERSTUDY_RECORD not in there:
        return []
    return [
        path
        for path in sorted(set(there) - paths)
        if path.rpartition("/")[0] in folders
        and any(fnmatch(path.rpartition("/")[2], kind) for kind in (WEIGHTS, INDEX))
    ]


@contextmanager
def upload_errors(repository: str, token: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into one HubError, which never has the token."""
    try:
        yield
    except UnderstudyError:
        raise
    except errors.HFValidationError as error:
        raise ConfigurationError(f"export.hub_repo: {repository} is no name of a repository ({error}).") from None
    except (errors.HTTPError, OSError, RuntimeError, UnicodeError, ValueError) as error:
        said = refusal(root_of(error), repository)
        raise HubError(without_secrets(f"publish: {said}", [token])) from None


def refusal(error: BaseException, repository: str) -> str:
    """Say what the hub has against the upload, or what went wrong on the way."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    said = plain_title(getattr(error, "server_message", None) or "")
    hint = f" ({said})" if said else ""
    if status == 401:
        return f"the hub refuses the token{hint}. `hf auth login` again, or mend HF_TOKEN."
    if status in (402, 403):
        return (
            f"the token has no right to write to {repository}{hint}. Give it the right to write on the hub (Settings, Access "
            "Tokens), or choose a repository of your own as export.hub_repo."
        )
    if status == 404:
        return f"the hub knows no {repository}, or the token may not see it{hint}. Check the owner's name in export.hub_repo."
    if status == 429:
        return f"the hub limits how much may be asked{hint}. Wait some minutes. {GOES_ON}"
    if status is not None and status >= 500:
        return f"the hub answered {status}{hint}. {GOES_ON}"
    if status is not None:
        return f"the hub doesn't take what was sent for {repository}: it answered {status}{hint}."
    if isinstance(error, UnicodeError) or "header value" in str(error):
        return "HF_TOKEN has characters that no token has, so it can't be sent. Set it again."
    if isinstance(error, ValueError):
        return f"the hub doesn't take what was sent for {repository}: {plain_title(str(error))}"
    return f"{repository} can't be reached ({type(error).__name__}: {plain_title(str(error))}). {GOES_ON}"
