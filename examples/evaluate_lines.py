"""Evaluate a file of lines beside real text.

    python examples/evaluate_lines.py samples.txt test.txt

Prints BLEU against the test text, Self-BLEU of the samples, and the same Self-BLEU of real text: a score
means something only beside the row of real data.
"""

import sys
from pathlib import Path

import seqgan_kit as sk


def read(path: str) -> list[str]:
    """The lines of a text file that are not empty."""
    return [line for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def main(samples_file: str, references_file: str) -> None:
    samples, references = read(samples_file), read(references_file)
    print("BLEU of the samples:     ", sk.bleu(samples, references, orders=(2, 3, 4, 5)))
    print("Self-BLEU of the samples:", sk.self_bleu(samples))
    # As many real sentences as there are samples: Self-BLEU grows with their number.
    print("Self-BLEU of real text:  ", sk.self_bleu(references[: len(samples)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
