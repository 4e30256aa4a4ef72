"""Inputs of ``evaluate``: the texts, a key of everything that the record depends on, and the computation."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan_kit import __version__
from seqgan_kit.cli.run_commands import model_kind, note_unfinished
from seqgan_kit.cli.user_files import STDIN, TOKENIZERS, read_lines, read_sentences
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.data.sources.resolve import HUB, file_digest, locate_text
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, Say

FORMAT = 1
"""Version of the record; increase it when the same inputs would give another record."""
_TEXTS = ("refs", "train", "held_out")
OF_ANSWERS = {"beam": None, "test_text": None, "test_sources": None, "adversary_sources": 0}
"""Options of conditional runs alone, with their defaults."""
OF_IMAGES = {"features": "auto", "size": None, "channels": None}
"""Options that are for images alone, with what they are where nobody gave them."""


@dataclass(frozen=True)
class Inputs:
    """An evaluation that is ready to run."""

    key: str
    """Hash of everything that the record depends on."""
    compute: Callable[[Say], dict[str, Any]]
    """Compute the record; report long steps."""


def file_inputs(options: argparse.Namespace) -> Inputs:
    """Return the inputs for samples in a file or on standard input."""
    _check_sources(options)
    _refuse_image_options(options)
    of_runs = {"temperature": 1.0, "top_k": None, "top_p": None, **OF_ANSWERS}
    for name, default in of_runs.items():
        if getattr(options, name) != default:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} applies to runs only: leave it out for a file of samples.")
    if options.refs is None:
        raise UsageError("samples need a real test text: add --refs FILE.")
    tok = options.tok or next(iter(TOKENIZERS))

    def words(sources: Sequence[str] | None) -> list[list[str]]:
        texts = [read_sentences(s, tok, lowercase=options.lowercase) for s in sources or ()]
        return [sentence for text in texts for sentence in text]

    samples = words([options.what])
    real = {name: words(getattr(options, name)) for name in _TEXTS}
    settings = _settings(options)
    digests = {name: _digest(text) for name, text in {"samples": samples, **real}.items()}
    key = _key({**digests, "tok": tok, "lowercase": options.lowercase}, settings)

    def compute(say: Say) -> dict[str, Any]:
        from seqgan_kit.evaluation.evaluate_text import evaluate_sentences
        from seqgan_kit.evaluation.evaluation_settings import RealText

        case = "lower" if options.lowercase else "mixed"
        # An empty line counts as a sample without words; in real text it separates paragraphs.
        test, train, held_out = ([s for s in real[name] if s] for name in _TEXTS)
        joiner = "" if tok == "char" else " "
        text = RealText(test, train, held_out, tok, case, joiner)
        return evaluate_sentences(samples, text, settings, say)

    return Inputs(key, compute)


def run_inputs(options: argparse.Namespace) -> Inputs:
    """Return the inputs for a run, which draws its samples and has its own texts."""
    _check_sources(options)
    if options.tok is not None or options.lowercase:
        raise UsageError("a run is scored with its own tokenizer: leave out --tok and --lowercase.")
    if options.held_out is not None:
        raise UsageError("a run has its own held-out text: leave out --held-out.")
    _refuse_image_options(options)
    run_dir = Path(options.what)
    config = settings_of(run_dir)
    if (kind := model_kind(run_dir)) != "text":
        raise UsageError(
            f"the model in {run_dir} is of the kind {kind!r}: evaluate scores runs on text and on "
            "images."
        )
    note_unfinished(run_dir)
    lines = {
        name: None if sources is None else [line for s in sources for line in read_lines(s) if line.strip()]
        for name, sources in (("refs", options.refs), ("train", options.train))
    }  # fmt: skip
    settings = _settings(options)
    digests = {name: None if text is None else _digest([text]) for name, text in lines.items()}
    parts = {**digests, "config": config, "model": file_digests(run_dir / "model")}
    named = [options.test_text, options.test_sources]
    key = _key({**parts, "sources": _source_digests(config, named)}, settings)

    def compute(say: Say) -> dict[str, Any]:
        from seqgan_kit.evaluation.evaluate_run import GivenText, evaluate_run

        return evaluate_run(run_dir, settings, GivenText(lines["refs"], lines["train"]), say)

    return Inputs(key, compute)


def _refuse_image_options(options: argparse.Namespace) -> None:
    for name, default in OF_IMAGES.items():
        if getattr(options, name) != default:
            raise UsageError(f"--{name} is for images: leave it out for text.")


def _check_sources(options: argparse.Namespace) -> None:
    named = [options.what]
    for name in _TEXTS:
        named += getattr(options, name) or []
    if named.count(STDIN) > 1:
        raise UsageError(
            "standard input ('-') is named more than once: give a file for all inputs but one."
        )


def _settings(options: argparse.Namespace) -> EvaluationSettings:
    names = ("sample", "encoder", "lm", "seed", "temperature", "top_k", "top_p", *OF_ANSWERS)
    return EvaluationSettings(**{name: getattr(options, name) for name in names})


def _key(parts: dict[str, Any], settings: EvaluationSettings) -> str:
    encoder = Path(settings.encoder)
    weights = file_digests(encoder) if encoder.is_dir() else None
    return hashed({"format": FORMAT, "settings": vars(settings), "weights": weights, **parts})


def hashed(parts: dict[str, Any]) -> str:
    """A key of all that a record depends on, this package's version among it."""
    known = {"version": __version__, **parts}
    text = json.dumps(known, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(sentences: Sequence[Sequence[str]]) -> str:
    text = json.dumps(sentences, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digests(folder: Path) -> dict[str, str]:
    """Hash of each file in a folder, by name."""
    files = sorted(path for path in folder.glob("*") if path.is_file())
    return {path.name: file_digest(path).hex() for path in files}


def _source_digests(config: dict[str, Any], others: Sequence[str | None]) -> list[dict[str, str]]:
    """Return digests of the run's text files and of others; texts from the hub are identified by their names
    in the settings.
    """
    data, pairs = config.get("data") or {}, config.get("pairs") or {}
    names = [data.get(field) for field in ("text", "valid_text", "test_text")]
    names += [pairs.get(field) for field in ("sources", "valid_sources", "test_sources")]
    names += others
    local = [name for name in names if name and not str(name).startswith(HUB)]
    return [{k: source.digest() for k, source in locate_text(name).items()} for name in local]
