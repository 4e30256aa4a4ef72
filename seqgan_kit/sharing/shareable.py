"""Base class of loaded models: save to a folder and push to the hub."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.sharing.hub import pushed
from seqgan_kit.sharing.shared_folder import write_shared


class Shareable:
    """A model that was loaded from a folder.

    Args:
        folder: folder of a run, or one that ``save_pretrained`` wrote.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def save_pretrained(self, save_directory: str | Path) -> Path:
        """Write the model, its settings, scores and a model card to a folder, and return its path.

        The folder holds safetensors and JSON files with their checksums, and README.md. ``sk.load`` and the
        command line read it like a run.

        Args:
            save_directory: a new or empty folder, or one that this method wrote before.
        """
        return write_shared(self.folder, Path(save_directory))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        commit_message: str = "Upload a seqgan-kit model",
    ) -> str:
        """Upload what ``save_pretrained`` writes to the HuggingFace hub, and return the commit's address.

        Args:
            repo_id: ``user/name``; the repository is created if it does not exist.
            private: whether a new repository is private (default: as your account creates them).
            token: an access token (default: the one of ``hf auth login``).
            revision: the branch.
            commit_message: first line of the commit.
        """
        return pushed(
            self.folder,
            repo_id,
            private=private,
            token=token,
            revision=revision,
            commit_message=commit_message,
        )
