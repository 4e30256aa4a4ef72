"""GANs on discrete sequences and on images: one core, one feed, exact metrics.

    import seqgan_kit as sk

    run = sk.run("seqgan", "smoke", text="my.txt", out="runs/mine")
    model = sk.load("runs/mine")
    model.sample(10, temperature=0.9, seed=0)

Importing the package loads neither torch nor any of its modules; a name loads what it needs when it is first
used. The types of all names are in ``__init__.pyi``.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "face.recipe_runs": ("run", "RecipeRun"),
    "face.loading": ("load",),
    "face.line_scores": ("bleu", "self_bleu", "evaluate"),
    "face.scorecard": ("Scorecard",),
    "face.text_model": ("TrainedTextModel",),
    "face.line_judge": ("LineJudge",),
    "face.image_model": ("TrainedImageModel",),
    "face.game_trainer": ("GameTrainer",),
    "core.training.round_report": ("RoundReport",),
    "core.game": ("Game", "Loss", "Move", "Phase", "Turn", "Epochs", "EarlyStop", "Reached"),
    "core.adversarial": ("AdversarialGame", "Pathwise"),
    "core.discriminator": ("Discriminator", "Critique"),
    "core.objectives": ("Objective",),
    "core.estimators": ("BoundarySeeking",),
    "core.penalties": ("GradientPenalty",),
    "core.optimizers": ("Optimizer",),
    "core.feeds": ("TensorFeed", "JoinedFeed"),
    "core.pools": ("Pool",),
    "core.training.hooks": ("Hooks",),
    "sequences.generators.autoregressive": ("SequenceGenerator",),
    "sequences.soft_tokens": ("embed",),
    "sequences.sequence_game": ("SequenceGame",),
    "sequences.fine_tuning": ("FineTuning",),
    "sequences.estimators.reinforce": ("Reinforce",),
    "sequences.estimators.rewards": ("Reward",),
    "evaluation.objectives.row_objectives": ("text_objective",),
    "sequences.estimators.gumbel": ("GumbelSoftmax",),
}
"""Module of this package -> what it gives to ``sk``."""
_NAMES = {name: place for place, names in _PLACES.items() for name in names}
_MODULES = {"errors": "errors", "objectives": "core.objectives", "penalties": "core.penalties"}
"""Name -> module, of those that are given whole."""

__all__ = sorted(["__version__", "Trainer", *(_NAMES.keys() - {"GameTrainer"}), *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found: Any = import_module(f"{__name__}.{_MODULES[name]}")
    elif name in __all__:
        inner = "GameTrainer" if name == "Trainer" else name
        found = getattr(import_module(f"{__name__}.{_NAMES[inner]}"), inner)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
