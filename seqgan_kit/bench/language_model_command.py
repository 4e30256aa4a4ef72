"""``seqgan-kit bench lm``: options of the benchmark of language models."""

from __future__ import annotations

from collections.abc import Sequence

from seqgan_kit.bench.bench_commands import SEED, VOCABULARY, parse_options, print_with_threads


def language_model(words: Sequence[str]) -> None:
    """Time a language model's rollouts and fine-tuning against transformers."""
    options = parse_options(
        "lm",
        "Times a GPT-2 with random weights, in turns: completions of every prefix against model.generate, "
        "updates of fine-tuning against transformers' Trainer, and the loss of a large vocabulary against "
        "all logits, with its memory. It needs the extra lm. The defaults take about five minutes.",
        (
            ("batch", 2, 1, "sequences whose prefixes are completed"),
            ("length", 32, 2, "tokens in a sequence (T)"),
            VOCABULARY,
            ("width", 256, 64, "width of the model, a multiple of 64"),
            ("layers", 4, 1, "layers of the model"),
            ("rollouts", 8, 1, "completions per prefix (N)"),
            ("tuned-rows", 16, 1, "sequences in an update of fine-tuning"),
            ("updates", 20, 1, "updates of fine-tuning"),
            ("likelihood-vocabulary", 50_257, 2, "size of the large vocabulary"),
            ("likelihood-tokens", 2048, 1, "tokens of the loss of the large vocabulary"),
            ("repeats", 3, 1, "timed repetitions of each way"),
            SEED,
        ),
        words,
    )

    def measure() -> str:
        from seqgan_kit.bench.language_model_timing import (
            LanguageModelSetting,
            language_model_report,
        )

        return language_model_report(LanguageModelSetting(**options))

    print_with_threads(options.pop("threads"), measure)
