"""A trained model as a folder that others can use: a run's model, settings and scores, and a model card."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.sharing.model_card import CARD_MARK, model_card

_SHARED = (".safetensors", ".json")
_RECORDS = ("config.json", "scores.json")


def shared_files(run_dir: Path) -> dict[str, Path]:
    """Files of a run that make up its model, by their names in the shared folder."""
    model = run_dir / "model"
    if not (model / "model.json").is_file():
        raise CheckpointError(
            f"{run_dir} holds no trained model ({model / 'model.json'} is missing): give the folder of a run "
            "that has saved a checkpoint."
        )
    found = {f"model/{p.name}": p for p in sorted(model.iterdir()) if p.suffix in _SHARED}
    return found | {name: run_dir / name for name in _RECORDS if (run_dir / name).is_file()}


def write_shared(run_dir: Path, folder: Path) -> Path:
    """Copy the model into a folder and write its card; return the folder."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give the name of a folder.")
    if folder.resolve() == run_dir.resolve():
        raise UsageError(f"{folder} is the model's own folder: give another one.")
    if folder.is_dir() and any(folder.iterdir()) and not _is_shared(folder):
        raise UsageError(f"{folder} is not empty: give a new folder, or empty this one.")
    files = shared_files(run_dir)
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        shutil.copyfile(path, folder / name)
    write_whole(folder / "README.md", model_card(run_dir).encode())
    return folder


def _is_shared(folder: Path) -> bool:
    card = folder / "README.md"
    return card.is_file() and re.search(CARD_MARK, card.read_text(encoding="utf-8")) is not None
