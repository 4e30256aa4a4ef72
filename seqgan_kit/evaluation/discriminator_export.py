"""A text run's discriminator as files: its weights, and a description in model.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from safetensors.torch import save
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.checksums import check_sums
from seqgan_kit.core.files.json_kinds import maybe, record, text, whole
from seqgan_kit.core.files.stored_models import MOST_TOKENS, network_settings, restored_network
from seqgan_kit.core.files.user_classes import ForeignClass, class_name, not_finite, weights_to_save
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.errors import CheckpointError, UsageError, unknown
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DISCRIMINATORS,
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.language_models.reader import LanguageModelReader, StoredReader

LANGUAGE_MODEL = "hf"
WEIGHTS = "discriminator.safetensors"
DESCRIBED = record(
    {},
    {
        "name": text(100),
        "config": network_settings,
        "class": text(1000),
        "pad": maybe(whole(0, 2**24)),
    },
)
"""Description of a discriminator in model.json."""
_COUNT = maybe(whole(0, 2**24))
_MODEL = record(
    {"vocabulary": whole(2, 2**24), "length": whole(1, MOST_TOKENS)},
    {"discriminator": DESCRIBED, "given": _COUNT, "source_vocabulary": _COUNT},
)


def save_discriminator(folder: Path, discriminator: nn.Module) -> dict[str, Any]:
    """Write the weights; return the description, which names the class if it is the user's own."""
    write_whole(folder / WEIGHTS, save(weights_to_save(discriminator.state_dict())))
    name = _known_name(discriminator)
    if name is None:
        return {"class": class_name(getattr(discriminator, "trunk", discriminator))}
    trunk = cast(Any, discriminator).trunk
    return {"name": name, "config": dataclasses.asdict(trunk.config)}


def load_discriminator(
    run_dir: Path, given: nn.Module | Callable[..., nn.Module] | None = None
) -> Discriminator:
    """Load the discriminator in ``run_dir/model``.

    Args:
        run_dir: the run's directory.
        given: for a class of the user's own, a discriminator, or a function that is called as
            ``given(vocabulary, length, pad=)`` and returns one.
    """
    folder = Path(run_dir) / "model"
    told = read_checked(folder / "model.json", _MODEL, advice="Its files must come from one run.")
    if "discriminator" not in told:
        raise UsageError(
            f"the model in {run_dir} was saved without a discriminator: its method has none that judges "
            "texts by itself, or it was saved by an older version. In that case, resume the run (--resume) "
            "to save it with its discriminator."
        )
    entry = told["discriminator"]
    # It reads whole rows: what is given, too.
    columns = told.get("given") or 0
    sizes = told["vocabulary"] + (told.get("source_vocabulary") or 0), told["length"] + columns
    check_sums(folder, {WEIGHTS: told.get("sha256", {}).get(WEIGHTS)})
    try:
        network = restored_network(_maker(entry, sizes, columns, given), folder / WEIGHTS)
    except ForeignClass as error:
        if "class" in entry and str(entry["class"]).startswith("seqgan_kit."):
            raise UsageError(
                f"the discriminator in {folder} is of the class {error}, which only its own run can use: "
                "take a run with one of --discriminator's kinds."
            ) from None
        raise UsageError(
            f"the discriminator in {folder} is of the class {error}, which is not part of seqgan-kit, and "
            f"code is never imported from data. Hand the class over in Python: "
            f"seqgan_kit.load({str(run_dir)!r}, discriminator={error.short})."
        ) from None
    except CheckpointError as error:
        raise CheckpointError(
            f"the discriminator in {folder} cannot be restored: {str(error).rstrip('.')}. Its files must "
            "come from one run."
        ) from error
    if spoilt := not_finite(network.state_dict()):
        raise CheckpointError(
            f"{folder / WEIGHTS} cannot be used: {spoilt}. The training had diverged."
        )
    return network.eval().requires_grad_(False)


def _known_name(discriminator: nn.Module) -> str | None:
    """Return the name of a discriminator that ``build_discriminator`` made; None for any other."""
    if type(discriminator) is not Discriminator or len(discriminator.heads):
        return None
    if type(discriminator.score) is not nn.Linear:
        return None
    trunk = type(discriminator.trunk)
    if trunk is LanguageModelReader:
        return LANGUAGE_MODEL
    return next((name for name, kind in DISCRIMINATORS.items() if trunk is kind), None)


def _maker(
    told: dict[str, Any],
    sizes: tuple[int, int],
    columns: int,
    given: nn.Module | Callable[..., nn.Module] | None,
) -> Callable[[], Discriminator]:
    pad = told.get("pad")
    if isinstance(given, nn.Module):
        return lambda: cast(Discriminator, given)
    if given is not None:
        return lambda: cast(Discriminator, given(*sizes, pad=pad))
    if "class" in told:
        raise ForeignClass(told["class"])
    name = told.get("name")
    if name == LANGUAGE_MODEL:
        reader = restored(StoredReader, told.get("config", {}), LANGUAGE_MODEL)
        chosen = DiscriminatorChoice("hf", hf_reader=reader)
        return lambda: build_discriminator(chosen, *sizes, pad=pad)
    if name not in DISCRIMINATORS:
        raise unknown("discriminator", str(name), DISCRIMINATORS)
    fields = {f.name: f for f in dataclasses.fields(DiscriminatorChoice)}
    config = restored(cast(Any, fields[name].default).__class__, told.get("config", {}), name)
    choice = DiscriminatorChoice(cast(Any, name), **{name: config})
    return lambda: build_discriminator(choice, *sizes, pad=pad, given=columns)
