"""``seqgan-kit bench``: the options of the measurements of token sequences.

Each function takes the words after the bench's name, measures and prints.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence

from seqgan_kit.cli.command import Parser, whole_number

Option = tuple[str, int, int, str]
"""Name, default, smallest, what it is."""

_BATCH: Option = ("batch", 64, 1, "sequences in a batch")
_LENGTH: Option = ("length", 20, 2, "tokens in a sequence (T)")
_VOCABULARY: Option = ("vocabulary", 5000, 2, "size of the vocabulary (V)")
_HIDDEN: Option = ("hidden", 32, 1, "width of embeddings and LSTM")
_SEED: Option = ("seed", 0, 0, "of weights and samples")


def seqgan(words: Sequence[str]) -> None:
    """One adversarial step of the generator against a loop that replays every prefix."""
    options = parse_options(
        "seqgan",
        "Times an adversarial step of the generator - sampling, Monte-Carlo rewards, update - against a "
        "plain loop that replays every prefix, in turns. With the defaults it takes two to four minutes.",
        (
            _BATCH,
            _LENGTH,
            _VOCABULARY,
            ("rollouts", 16, 2, "completions of every prefix (N)"),
            ("repeats", 3, 1, "how often each way is timed"),
            _SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.seqgan_timing import SeqGANSetting, report, time_steps

        setting = SeqGANSetting(**options)
        return report(setting, time_steps(setting, _say))

    print_with_threads(options.pop("threads"), measure)


def discriminator(words: Sequence[str]) -> None:
    """The discriminator's training step against convolutions and autograd."""
    options = parse_options(
        "discriminator",
        "Times training steps of the TextCNN discriminator - loss on reals and fakes, gradients, Adam - "
        "against nn.Conv1d and autograd, in turns.",
        (
            ("batch", 64, 1, "real sequences in a step, and as many generated ones"),
            _LENGTH,
            _VOCABULARY,
            ("repeats", 20, 1, "how often each way is timed"),
            _SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.discriminator_timing import (
            DiscriminatorSetting,
            discriminator_report,
        )

        return discriminator_report(DiscriminatorSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def mle(words: Sequence[str]) -> None:
    """Maximum likelihood against a linear layer and cross-entropy."""
    options = _parse_generator(
        "mle",
        "Times steps of maximum likelihood - loss, gradients, clip, Adam - against nn.Linear and "
        "cross_entropy, in turns.",
        (_BATCH, ("repeats", 20, 1, "how often each way is timed")),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.generator_timing import GeneratorSetting, likelihood_report

        return likelihood_report(GeneratorSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def sampling(words: Sequence[str]) -> None:
    """Sampling against softmax and multinomial."""
    options = _parse_generator(
        "sampling",
        "Times drawing whole sequences against a softmax and torch.multinomial for every token, in turns.",
        (
            ("batch", 1024, 1, "sequences drawn together, as for a pool of negatives"),
            ("repeats", 5, 1, "how often each way is timed"),
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.generator_timing import GeneratorSetting, sampling_report

        return sampling_report(GeneratorSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def rollouts(words: Sequence[str]) -> None:
    """Rollouts by a Transformer against an LSTM's, and against caches made anew at every step."""
    options = parse_options(
        "rollouts",
        "Times the completions of all prefixes by the Transformer generator against an LSTM's, and against "
        "the same Transformer with caches made anew at every step. With the defaults it takes five minutes.",
        (
            ("batch", 16, 1, "sequences in a batch"),
            ("length", 100, 2, "tokens in a sequence (T)"),
            _VOCABULARY,
            ("rollouts", 4, 1, "completions of every prefix (N)"),
            ("repeats", 1, 1, "how often each way is timed, after one that does not count"),
            _SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.rollout_timing import RolloutSetting, rollout_report

        return rollout_report(RolloutSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def variance(words: Sequence[str]) -> None:
    """How noisy the estimators of the policy gradient are, and what they cost."""
    options = parse_options(
        "variance",
        "Variance of the generator's gradient by numbers of rollouts and baselines, at fixed weights: a "
        "random LSTM is the data, the generator has learnt from it by likelihood, the discriminator to "
        "tell them apart. With the defaults it takes two to three minutes.",
        (
            ("batch", 32, 2, "sequences that one estimate is made from"),
            _LENGTH,
            _VOCABULARY,
            _HIDDEN,
            ("estimates", 10, 2, "how many each variance is of"),
            ("reals", 6400, 64, "sequences of the oracle's to learn from"),
            ("mle-epochs", 2, 1, "passes of the generator over them"),
            ("discriminator-moves", 200, 1, "moves of the discriminator, at most"),
            _SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.gradient_variance import VarianceSetting, measure_noise, report

        setting = VarianceSetting(**options)
        return report(setting, measure_noise(setting, _say))

    print_with_threads(options.pop("threads"), measure)


def _parse_generator(
    name: str, description: str, options: Sequence[Option], words: Sequence[str]
) -> dict[str, int]:
    options = (*options, _LENGTH, _VOCABULARY, _HIDDEN, _SEED)
    return parse_options(name, description, options, words)


def parse_options(
    name: str, description: str, options: Sequence[Option], words: Sequence[str]
) -> dict[str, int]:
    parser = Parser(prog=f"seqgan-kit bench {name}", description=description, allow_abbrev=False)
    declare_counts(parser, options)
    parser.add_argument(
        "--threads",
        metavar="N",
        type=whole_number(1),
        default=0,
        help="CPU threads (default: torch's choice)",
    )
    parsed: dict[str, int] = vars(parser.parse_args(words))
    return parsed


def declare_counts(parser: ArgumentParser, options: Sequence[Option]) -> None:
    """Options that take a whole number."""
    for option, default, least, meaning in options:
        parser.add_argument(
            f"--{option}",
            metavar="N",
            type=whole_number(least),
            default=default,
            help=f"{meaning} (default {default})",
        )


def _say(line: str) -> None:
    print(line, flush=True)


def print_with_threads(threads: int, measure: Callable[[], str]) -> None:
    """Measure with so many threads, 0 for torch's choice, and leaves torch as it was."""
    # torch is loaded only when something is computed, so that --help is quick.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        print(measure())
    finally:
        torch.set_num_threads(before)
