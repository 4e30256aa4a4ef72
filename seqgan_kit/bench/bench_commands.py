"""``seqgan-kit bench``: options of the benchmarks for token sequences.

Each function takes the arguments after the benchmark's name, measures and prints.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqgan_kit.cli.command import Parser, whole_number

Option = tuple[str, int, int, str]
"""Name, default, minimum, meaning."""

_BATCH: Option = ("batch", 64, 1, "sequences in a batch")
_LENGTH: Option = ("length", 20, 2, "tokens in a sequence (T)")
VOCABULARY: Option = ("vocabulary", 5000, 2, "size of the vocabulary (V)")
_HIDDEN: Option = ("hidden", 32, 1, "width of embeddings and LSTM")
SEED: Option = ("seed", 0, 0, "seed of weights and samples")


def seqgan(words: Sequence[str]) -> None:
    """Time an adversarial step of the generator against a loop that replays every prefix."""
    options = parse_options(
        "seqgan",
        "Times an adversarial step of the generator (sampling, Monte-Carlo rewards, update) "
        "against a plain loop that replays every prefix, in turns. The defaults take two to "
        "four minutes.",
        (
            _BATCH,
            _LENGTH,
            VOCABULARY,
            ("rollouts", 16, 2, "completions per prefix (N)"),
            (
                "given",
                0,
                0,
                "given tokens (S); above 0 also times the unconditional step and attention",
            ),
            ("repeats", 3, 1, "timed repetitions of each way"),
            SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.seqgan_players import SeqGANSetting
        from seqgan_kit.bench.seqgan_timing import report, time_steps

        setting = SeqGANSetting(**options)
        return report(setting, time_steps(setting, _say))

    print_with_threads(options.pop("threads"), measure)


def discriminator(words: Sequence[str]) -> None:
    """Time a training step of the discriminator against convolutions and autograd."""
    options = parse_options(
        "discriminator",
        "Times training steps of the TextCNN discriminator (loss on real and generated "
        "sequences, gradients, Adam) against nn.Conv1d and autograd, in turns.",
        (
            ("batch", 64, 1, "real sequences per step, and as many generated ones"),
            _LENGTH,
            VOCABULARY,
            ("repeats", 20, 1, "timed repetitions of each way"),
            SEED,
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
    """Time maximum likelihood against a linear layer and cross-entropy."""
    options = _parse_generator(
        "mle",
        "Times steps of maximum likelihood (loss, gradients, clipping, Adam) against nn.Linear "
        "and cross_entropy, in turns.",
        (_BATCH, ("repeats", 20, 1, "timed repetitions of each way")),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.generator_timing import GeneratorSetting, likelihood_report

        return likelihood_report(GeneratorSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def sampling(words: Sequence[str]) -> None:
    """Time sampling against softmax and multinomial."""
    options = _parse_generator(
        "sampling",
        "Times sampling whole sequences against softmax and torch.multinomial for every token, "
        "in turns.",
        (
            ("batch", 1024, 1, "sequences sampled together, as for a pool of negatives"),
            ("repeats", 5, 1, "timed repetitions of each way"),
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.generator_timing import GeneratorSetting, sampling_report

        return sampling_report(GeneratorSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def rollouts(words: Sequence[str]) -> None:
    """Time rollouts of a Transformer against an LSTM's, and against rebuilding caches at every step."""
    options = parse_options(
        "rollouts",
        "Times the completion of all prefixes by the Transformer generator against an LSTM, and "
        "against the same Transformer with caches rebuilt at every step. The defaults take "
        "five minutes.",
        (
            ("batch", 16, 1, "sequences in a batch"),
            ("length", 100, 2, "tokens in a sequence (T)"),
            VOCABULARY,
            ("rollouts", 4, 1, "completions per prefix (N)"),
            ("repeats", 1, 1, "timed repetitions of each way, after one warm-up"),
            SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.rollout_timing import RolloutSetting, rollout_report

        return rollout_report(RolloutSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def beam(words: Sequence[str]) -> None:
    """Time beam search with attention against a search that sorts all continuations."""
    options = parse_options(
        "beam",
        "Times beam search with the generator rnn_search against a plain search that sorts all "
        "continuations and copies the sources' encodings, in turns. The weights are random, so all "
        "rows have full length.",
        (
            ("sources", 100, 1, "sources that are answered"),
            ("beam", 5, 1, "rows kept at every step (K)"),
            ("length", 30, 2, "tokens written (T)"),
            ("given", 30, 1, "tokens of a source at most (S)"),
            ("vocabulary", 8000, 4, "size of the vocabulary (V)"),
            ("hidden", 256, 1, "width of embeddings and GRUs"),
            ("repeats", 1, 1, "timed repetitions of each way, after one warm-up"),
            SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.beam_timing import BeamSetting, beam_report

        return beam_report(BeamSetting(**options))

    print_with_threads(options.pop("threads"), measure)


def variance(words: Sequence[str]) -> None:
    """Measure variance and cost of policy-gradient estimators."""
    options = parse_options(
        "variance",
        "Measures the variance of the generator's gradient for several numbers of rollouts, "
        "baselines and control variates, at fixed weights. The data come from a random LSTM; generator and "
        "discriminator are pretrained on them. The defaults take two to three minutes.",
        (
            ("batch", 32, 2, "sequences per estimate"),
            _LENGTH,
            VOCABULARY,
            _HIDDEN,
            ("estimates", 10, 2, "estimates per variance"),
            ("reals", 6400, 64, "training sequences from the oracle"),
            ("mle-epochs", 2, 1, "training epochs of the generator"),
            ("discriminator-moves", 200, 1, "maximum number of updates of the discriminator"),
            SEED,
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
    options = (*options, _LENGTH, VOCABULARY, _HIDDEN, SEED)
    return parse_options(name, description, options, words)


def parse_options(
    name: str,
    description: str,
    options: Sequence[Option],
    words: Sequence[str],
    names: Mapping[str, tuple[Sequence[str], str]] | None = None,
) -> dict[str, Any]:
    """Return the values of options that take a whole number, and of ``names``: allowed values and help."""
    parser = Parser(prog=f"seqgan-kit bench {name}", description=description, allow_abbrev=False)
    declare_counts(parser, options)
    parser.add_argument(
        "--threads",
        metavar="N",
        type=whole_number(1),
        default=0,
        help="CPU threads (default: torch's choice)",
    )
    for option, (allowed, meaning) in (names or {}).items():
        parser.add_argument(f"--{option}", choices=allowed, help=meaning)
    parsed: dict[str, Any] = vars(parser.parse_args(words))
    return parsed


def declare_counts(parser: ArgumentParser, options: Sequence[Option]) -> None:
    """Declare options that take a whole number."""
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
    """Measure with this number of threads, 0 for torch's choice, and restore torch's setting."""
    # Importing torch here keeps --help fast.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        print(measure())
    finally:
        torch.set_num_threads(before)
