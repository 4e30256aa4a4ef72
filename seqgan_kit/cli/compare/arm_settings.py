"""The settings of a comparison's arms, read by the recipes' own parsers before anything is trained."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from seqgan_kit.cli.compare.arms import Arm
from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.errors import SeqganKitError, UsageError, unknown
from seqgan_kit.report.comparison.arm_runs import BASELINE, CONTROLS

GROUPS = ("data", "oracle", "generator", "scores")
"""Groups of settings that all runs of a comparison have in common."""
_RUN = ("device", "precision", "compile")
_OURS = {"--out", "--seed", "--resume", "--pretrained", "--config", "--help", "-h"}


def shared_settings(arm: Arm, preset: str, shared_words: Sequence[str]) -> dict[str, Any]:
    """What all runs take from one file: these groups of the first arm's preset, with the shared flags."""
    from seqgan_kit.core.runs.settings import to_dict

    _check_shared_words(shared_words)
    presets = _presets(arm)
    if preset not in presets:
        raise unknown(f"preset of {arm.recipe}", preset, presets)
    _check_shape(arm, presets[preset])
    config = _parsed(presets, [preset, *shared_words], f"arm {arm.name!r}")
    run = to_dict(config.run)
    shared = {group: to_dict(getattr(config, group)) for group in GROUPS}
    return {**shared, "run": {name: run[name] for name in _RUN}}


def arm_settings(arm: Arm, preset: str, shared: Mapping[str, Any]) -> Any:
    """An arm's configuration with the shared settings; refuses one that changes what all must share."""
    from seqgan_kit.core.runs.settings import merged, to_dict

    presets = _presets(arm)
    if preset not in presets:
        raise unknown(f"preset of {arm.recipe}", preset, presets)
    _check_shape(arm, presets[preset])
    base = merged(presets[preset], shared)
    config = _parsed({preset: base}, [preset, *arm.flags], f"arm {arm.name!r}")
    for group in GROUPS:
        if to_dict(getattr(config, group)) != shared[group]:
            raise UsageError(
                f"arm {arm.name!r} changes settings of {group}, which all arms share: give the flags to "
                "all of them, as in --shared='--FLAG VALUE'."
            )
    return config


def control_of(arms: Mapping[str, Arm], configs: Mapping[str, Any]) -> Arm | None:
    """The first arm that learns from rewards, with rewards that know nothing; None if one is there already,
    or if no arm has rewards."""
    rewards = {
        name: config.method.reward
        for name, config in configs.items()
        if hasattr(config.method, "reward")
    }
    if not rewards or set(CONTROLS) & set(rewards.values()):
        return None
    arm = arms[next(iter(rewards))]
    name = "constant" if "constant" not in arms else f"{arm.name}-constant"
    return Arm(name, arm.recipe, (*arm.flags, "--reward", "constant"), "control")


def _presets(arm: Arm) -> Mapping[str, Any]:
    try:
        presets: Mapping[str, Any] = load_recipe(find_recipe(arm.recipe)).PRESETS
    except AttributeError:
        raise UsageError(
            f"arm {arm.name!r}: {arm.recipe} is no recipe, it has no PRESETS."
        ) from None
    return presets


def _parsed(presets: Mapping[str, Any], words: Sequence[str], who: str) -> Any:
    from seqgan_kit.core.runs.launch import parse

    if len(words) == 1 and words[0] in presets:  # nothing to parse, which takes half a second
        return presets[words[0]]
    if ours := sorted(_OURS & {word.split("=")[0] for word in words}):
        raise UsageError(f"{who}: {ours[0]} is not for single arms; compare itself gives it.")
    try:
        return parse(presets, words, "")
    except SystemExit:  # the parser has told why
        raise UsageError(f"{who}: the flags were refused, as told above.") from None
    except SeqganKitError as error:
        raise UsageError(f"{who}: {error}") from None


def _check_shape(arm: Arm, config: Any) -> None:
    fitting = all(hasattr(config, group) for group in (*GROUPS, "training", "run"))
    if not fitting or not hasattr(config.training, "pretrained"):
        raise UsageError(
            f"arm {arm.name!r}: the recipe {arm.recipe} cannot start from another run's generator of tokens, "
            "so that it cannot be compared with MLE on equal terms. Those that have --pretrained can: "
            "seqgan, maligan, boundary_seeking, gumbel_softmax, relgan, and copies of them."
        )


def _check_shared_words(words: Sequence[str]) -> None:
    """MLE has only settings that every recipe has, so its parser knows what is for all."""
    if not words:
        return
    presets = {"default": _presets(Arm(BASELINE, BASELINE))["default"]}
    try:
        config = _parsed(presets, words, "--shared")
    except UsageError as error:
        raise UsageError(
            f"{error} It takes settings that every recipe has (data, generator, scores, device); a "
            "method's own go into --arm 'NAME=RECIPE FLAGS'."
        ) from None
    if config.method != presets["default"].method:
        raise UsageError(
            "--shared changes how MLE trains, which follows the first arm's pretraining: give the flags to "
            "that arm, as in --arm 'seqgan=seqgan --mle-epochs 30'."
        )


def shared_words(options: argparse.Namespace) -> list[str]:
    """The flags that all runs get, from those of ``compare``."""
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
