"""Settings of a comparison's arms, read by the recipes' own parsers before training starts."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from seqgan_kit.cli.compare.arms import Arm
from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.errors import SeqganKitError, UsageError, unknown
from seqgan_kit.report.comparison.arm_runs import BASELINE, CONTROLS

GROUPS = ("data", "pairs", "oracle", "generator", "scores")
"""Groups of settings that all runs of a comparison share, as far as their recipes have them."""
PRETRAINING = ("mle_epochs", "mle_learning_rate", "mle_schedule")
"""Settings of the run where all arms start, which are the first arm's if nobody sets them."""
_ALWAYS = ("data", "generator", "scores")
_RUN = ("device", "precision", "compile")
_OWN_RUN = ("out", "seed", "resume", "overwrite", "preset")
"""Settings that differ between the runs of a comparison."""
_OURS = {
    *("--out", "--seed", "--resume", "--overwrite", "--no-overwrite"),
    *("--pretrained", "--config", "--help", "-h"),
}


def shared_settings(
    arms: Sequence[Arm], preset: str, shared_words: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that all runs share, and how their start is trained: those of the first arm's
    preset, with the shared flags.

    A group that some recipe lacks is left out, and has to be as it is when nobody sets it.
    """
    from seqgan_kit.core.runs.settings import to_dict

    _check_shared_words(shared_words)
    every = [_preset(arm, preset) for arm in arms]
    words = [preset, *shared_words]
    config = _parsed({preset: every[0]}, words, f"arm {arms[0].name!r}")
    shared = {}
    for group in filter(partial(hasattr, config), GROUPS):
        value = getattr(config, group)
        lacking = [arm for arm, own in zip(arms, every, strict=True) if not hasattr(own, group)]
        if not lacking:
            shared[group] = to_dict(value)
        elif value != type(value)():
            raise UsageError(
                f"arm {lacking[0].name!r}: the recipe {lacking[0].recipe} has no settings of "
                f"{group}, which {arms[0].name!r} sets: compare it apart."
            )
    run, untouched = to_dict(config.run), to_dict(type(config.run)())
    shared["run"] = {
        name: value
        for name, value in run.items()
        if name in _RUN or (name not in _OWN_RUN and value != untouched[name])
    }
    return shared, {name: getattr(config.training, name) for name in PRETRAINING}


def arm_settings(arm: Arm, preset: str, shared: Mapping[str, Any]) -> Any:
    """Return an arm's configuration with the shared settings; refuse an arm that changes one, or its
    start."""
    from seqgan_kit.core.runs.settings import merged, to_dict

    base = merged(_preset(arm, preset), shared)
    config = _parsed({preset: base}, [preset, *arm.flags], f"arm {arm.name!r}")
    for group in GROUPS:
        if group in shared and to_dict(getattr(config, group)) != shared[group]:
            raise UsageError(
                f"arm {arm.name!r} changes settings of {group}, which all arms share: give these "
                "flags to all arms with --shared='--FLAG VALUE'."
            )
    for name in PRETRAINING:
        if getattr(config.training, name) != getattr(base.training, name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"arm {arm.name!r}: {flag} would change nothing, because all arms start from one generator: "
                f"give it to that generator with --shared='{flag} VALUE'."
            )
    return config


def control_of(arms: Mapping[str, Arm], configs: Mapping[str, Any]) -> Arm | None:
    """Return the first arm that learns from rewards with a constant reward instead, or with a random one if
    it compares rewards with each other, as equal ones would change nothing. None if no arm has rewards or a
    control exists already.
    """
    rewards = {
        name: config.method.reward
        for name, config in configs.items()
        if hasattr(config.method, "reward")
    }
    if not rewards or set(CONTROLS) & set(rewards.values()):
        return None
    arm = arms[next(iter(rewards))]
    reward = "random" if hasattr(configs[arm.name], "policy") else "constant"
    name = reward if reward not in arms else f"{arm.name}-{reward}"
    return Arm(name, arm.recipe, (*arm.flags, "--reward", reward), "control")


def _preset(arm: Arm, preset: str) -> Any:
    presets = _presets(arm)
    if preset not in presets:
        raise unknown(f"preset of {arm.recipe}", preset, presets)
    _check_shape(arm, presets[preset])
    return presets[preset]


def _presets(arm: Arm) -> Mapping[str, Any]:
    try:
        presets: Mapping[str, Any] = load_recipe(find_recipe(arm.recipe)).PRESETS
    except AttributeError:
        raise UsageError(
            f"arm {arm.name!r}: {arm.recipe} is not a recipe, because it has no PRESETS: name "
            "one that 'seqgan-kit ls' lists."
        ) from None
    return presets


def _parsed(presets: Mapping[str, Any], words: Sequence[str], who: str) -> Any:
    from seqgan_kit.core.runs.launch import parse

    if len(words) == 1 and words[0] in presets:  # Skip the parser, which takes half a second.
        return presets[words[0]]
    if ours := sorted(_OURS & {word.split("=")[0] for word in words}):
        raise UsageError(
            f"{who}: {ours[0]} cannot be set for an arm, because compare sets it: leave it out."
        )
    try:
        return parse(presets, words, "")
    except SystemExit:  # The parser has printed the reason.
        raise UsageError(f"{who}: the recipe refused these flags; see the message above.") from None
    except SeqganKitError as error:
        raise UsageError(f"{who}: {error}") from None


def _check_shape(arm: Arm, config: Any) -> None:
    from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice

    if not hasattr(getattr(config, "training", None), "pretrained"):
        raise UsageError(
            f"arm {arm.name!r}: the recipe {arm.recipe} has no --pretrained, so it cannot start "
            "from the same generator as MLE. Use seqgan, maligan, boundary_seeking, "
            "gumbel_softmax, relgan or a copy of one of them."
        )
    if lacks := [group for group in (*_ALWAYS, "run") if not hasattr(config, group)]:
        raise UsageError(
            f"arm {arm.name!r}: the recipe {arm.recipe} has no settings of {' and '.join(lacks)}, "
            "which all arms of a comparison share."
        )
    if not isinstance(config.generator, GeneratorChoice):
        raise UsageError(
            f"arm {arm.name!r}: the recipe {arm.recipe} has a generator of its own kind, which mle "
            "cannot train. Run it apart, with --reward constant beside it, and use 'seqgan-kit table'."
        )


def _check_shared_words(words: Sequence[str]) -> None:
    """Refuse shared flags that MLE's parser does not know, because they are not settings of every recipe."""
    if not words:
        return
    presets = {"default": _presets(Arm(BASELINE, BASELINE))["default"]}
    try:
        config = _parsed(presets, words, "--shared")
    except UsageError as error:
        raise UsageError(
            f"{error} --shared takes settings that every recipe has (data, generator, scores, "
            "device); put a method's own into --arm 'NAME=RECIPE FLAGS'."
        ) from None
    default = presets["default"].method
    changed = [
        name for name, value in vars(config.method).items() if value != getattr(default, name)
    ]
    for name in changed:
        if name not in PRETRAINING:
            flags = ", ".join(f"--{setting.replace('_', '-')}" for setting in PRETRAINING)
            raise UsageError(
                f"--shared: --{name.replace('_', '-')} is a setting of every method's own training: give it "
                "to an arm, as in --arm 'NAME=RECIPE FLAGS'. Of the training of the generator where all "
                f"start, {flags} can be set."
            )


def shared_words(options: argparse.Namespace) -> list[str]:
    """Return the flags that all runs get, from the flags of ``compare``."""
    try:
        words = shlex.split(options.shared)
    except ValueError as error:
        raise UsageError(f"--shared {options.shared!r} cannot be split: {error}.") from None
    for flag in ("text", "test_text"):
        if getattr(options, flag):
            words += [f"--{flag.replace('_', '-')}", getattr(options, flag)]
    if options.temperatures:
        words += ["--temperatures", *(f"{t:g}" for t in options.temperatures if t != 1)]
    for flag, values in (("--top-ks", options.top_k), ("--top-ps", options.top_p)):
        words += [flag, *(f"{value:g}" for value in values)] if values else []
    return words
