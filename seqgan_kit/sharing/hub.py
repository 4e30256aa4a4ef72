"""Upload and download of model folders on the HuggingFace hub. Nothing downloaded is executed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan_kit.errors import DataError, StorageError, UsageError
from seqgan_kit.sharing.shared_folder import write_shared

DOWNLOADED = ("*.safetensors", "*.json", "README.md")
"""Files that are downloaded; other files of a repository are ignored."""
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def downloaded(repo_id: str, revision: str | None = None) -> Path:
    """Return the local copy of a model repository, in huggingface_hub's own cache."""
    _check_name(repo_id)
    with _talking(f"{repo_id} cannot be loaded from the hub", DataError) as hub:
        folder = hub.snapshot_download(
            repo_id, revision=revision, allow_patterns=list(DOWNLOADED), repo_type="model"
        )
    if not (Path(folder) / "model" / "model.json").is_file():
        raise DataError(
            f"{repo_id} on the hub is no seqgan-kit model: model/model.json is missing."
        )
    return Path(folder)


def pushed(
    run_dir: Path,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
    commit_message: str = "Upload a seqgan-kit model",
) -> str:
    """Upload the model of a run's folder; return the commit's URL."""
    _check_name(repo_id)
    with tempfile.TemporaryDirectory() as place:
        folder = write_shared(run_dir, Path(place) / "model-folder")
        with _talking(f"the model cannot be pushed to {repo_id}", StorageError) as hub:
            api = hub.HfApi(token=token, library_name="seqgan-kit")
            api.create_repo(repo_id, private=private, exist_ok=True, repo_type="model")
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=str(folder),
                revision=revision,
                commit_message=commit_message,
                repo_type="model",
            )
    return str(getattr(commit, "commit_url", commit))


def _check_name(repo_id: str) -> None:
    if not _NAME.fullmatch(repo_id):
        raise UsageError(f"{repo_id!r} is not the name of a repository: give user/name.")


@contextmanager
def _talking(problem: str, kind: type[DataError] | type[StorageError]) -> Iterator[Any]:
    """Yield the hub's library, online unless the user forbids it; turn its errors into one sentence."""
    hub: Any = import_module("huggingface_hub")
    constants: Any = import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    wanted = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    constants.HF_HUB_OFFLINE = wanted
    try:
        yield hub
    except Exception as error:
        own = type(error).__module__.split(".")[0] in ("huggingface_hub", "httpx", "requests")
        if not own and not isinstance(error, OSError | ValueError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise kind(
            f"{problem}: {reason} Check the name and the network; private repositories and uploads need "
            "'hf auth login'."
        ) from error
    finally:
        constants.HF_HUB_OFFLINE = before
