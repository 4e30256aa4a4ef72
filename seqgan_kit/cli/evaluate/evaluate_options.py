"""Flags of ``evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqgan_kit.cli.command import one_of, whole_number
from seqgan_kit.cli.sampling_flags import declare_sampling
from seqgan_kit.cli.user_files import TOKENIZERS

# Copies of names in seqgan_kit.evaluation.evaluation_settings, because importing it would slow
# --help down.
_JUDGES = ("kneser-ney", "lstm", "none")


def declare_options(parser: argparse.ArgumentParser) -> None:
    """Add all flags."""
    parser.add_argument(
        "what",
        metavar="RUN|SAMPLES|FOLDER",
        nargs="?",  # Optional for argparse only: the message below is better.
        help="directory of a trained run, a file with one sample per line (- for standard input), "
        "or a folder of images",
    )
    texts = {
        "refs": "real test text that no model was trained on, or a folder of real images (default: "
        "the run's own)",
        "train": "text: real training text (default: the run's own)",
        "held-out": "real text or images for the row of real data (default: the run's own, or part "
        "of the real data given)",
    }
    for name, meaning in texts.items():
        parser.add_argument(f"--{name}", metavar="FILE", nargs="+", help=meaning)
    parser.add_argument(
        "--sample",
        metavar="N",
        type=whole_number(2),
        help="number of samples: a random part of a file or folder (default: all), or drawn from "
        "a run (default: 5000 sentences, 1000 images); of a conditional run the number of sources "
        "(default: all), or of samples of each class (default: 1000)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )
    parser.add_argument(
        "--encoder",
        metavar="own|none|FOLDER",
        default="own",
        help="text: encoder for FED, MAUVE and other feature scores: own (default; trained on the "
        "training text in a minute or two), none, or the folder of a HuggingFace model",
    )
    parser.add_argument(
        "--lm",
        metavar="|".join(_JUDGES),
        type=one_of("language model", *_JUDGES),
        default="kneser-ney",
        help="text: language model for the LM scores (default: kneser-ney; lstm takes minutes)",
    )
    declare_sampling(parser, "text runs: ")
    _declare_answers(parser)
    _declare_reading(parser)
    _declare_images(parser)
    parser.add_argument(
        "--format",
        metavar="text|json",
        type=one_of("format", "text", "json"),
        default="text",
        help="output format (default: text)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="path of the JSON record (default: RUN/evaluation.json, or beside SAMPLES)",
    )
    parser.add_argument(
        "--again", action="store_true", help="compute again even if a record exists"
    )


def _declare_answers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--beam",
        metavar="K",
        type=whole_number(1),
        help="conditional run: width of the beam search, beside greedy answers (default: 5)",
    )
    parser.add_argument(
        "--test-text",
        metavar="FILE",
        help="conditional run: test text, in the form of the training text (default: the run's own)",
    )
    parser.add_argument(
        "--test-sources",
        metavar="FILE",
        help="conditional run on parallel files: sources of --test-text",
    )
    parser.add_argument(
        "--adversary-sources",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="conditional run: training sources from which evaluators learn to tell answers from human "
        "ones, for AdverSuc; minutes (default: 0, no evaluators)",
    )


def _declare_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tok",
        metavar="|".join(TOKENIZERS),
        type=one_of("tokenizer", *TOKENIZERS),
        help="tokenizer of SAMPLES: white space (default) or characters; a run has its own",
    )
    parser.add_argument("--lowercase", action="store_true", help="ignore case")


def _declare_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--features",
        metavar="own|random|none|inception:FILE|hf:FOLDER",
        default="auto",
        help="images: what distances are taken over: own (a classifier of the real images' labels), random "
        "(a random network), none, inception:FILE (FID, KID and IS; inception-tf:FILE with torch-fidelity's "
        "resizing), hf:FOLDER (a DINOv2 or CLIP model of transformers), or a classifier's file (default: own "
        "with labels and 500 samples, else random)",
    )
    parser.add_argument(
        "--size",
        metavar="PIXELS",
        type=whole_number(8, 1024),
        help="images: side to which a folder's are resized (default: that of the first)",
    )
    parser.add_argument(
        "--channels",
        metavar="1|3",
        type=whole_number(1, 3),
        help="images: 1 for grey, 3 for colour (default: as the first)",
    )
