"""Boundary-seeking GAN on characters: text from noise, weighted samples, no pretraining.

$ python recipes/char_boundary_seeking.py                       bundled cat captions, minutes on a laptop
$ python recipes/char_boundary_seeking.py --text my.txt         your own text, 32 characters a line
$ python recipes/char_boundary_seeking.py paper --text my.txt   sizes and schedule of the paper (days)
$ python recipes/char_boundary_seeking.py smoke                 seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.tokenizer import PAD
from seqgan_kit.evaluation.char_scores import CharScorer, CharScoreSettings, row_length
from seqgan_kit.methods import char_boundary_seeking
from seqgan_kit.methods.char_boundary_seeking import CharBoundarySeekingMethod
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNet,
    CharResNetConfig,
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)
from seqgan_kit.text_recipe import close_text_run, text_hooks


@dataclass(frozen=True)
class Config:
    """Boundary-seeking GAN on characters."""

    data: Annotated[TextData, flat] = TextData(tokenizer="char")
    method: Annotated[CharBoundarySeekingMethod, flat] = CharBoundarySeekingMethod()
    length: int = 32
    """T: characters per row, counted from the start of each line."""
    generator: CharResNetGeneratorConfig = CharResNetGeneratorConfig()
    discriminator: CharResNetConfig = CharResNetConfig()
    scores: Annotated[CharScoreSettings, flat] = CharScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=CharBoundarySeekingMethod(
            batch_size=32,
            judged_samples=1,
            rounds=6000,
            schedule="linear",
            evaluate_every_rounds=300,
        ),
        generator=CharResNetGeneratorConfig(32, 2, latent=100, batch_norm=True, decoding="drawn"),
        discriminator=CharResNetConfig(width=32, blocks=2),
    ),
    "paper": Config(
        generator=CharResNetGeneratorConfig(256, 3, latent=100, batch_norm=True, decoding="drawn"),
        discriminator=CharResNetConfig(256, 3),
    ),
    "smoke": Config(
        method=CharBoundarySeekingMethod(
            batch_size=16, samples=4, rounds=4, evaluate_every_rounds=2
        ),
        generator=CharResNetGeneratorConfig(8, 1, batch_norm=True, decoding="drawn"),
        discriminator=CharResNetConfig(width=8, blocks=1),
        scores=CharScoreSettings(score_samples=100),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("char_boundary_seeking", cfg) as run:
        corpus = load_text(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        words, length = corpus.tokenizer.vocabulary_size, row_length(corpus, cfg.length)
        generator = CharResNetGenerator(cfg.generator, words, length)
        trunk = CharResNet(cfg.discriminator, words, length, pad=PAD)
        game = char_boundary_seeking.build(
            generator, Discriminator(trunk, trunk.features), cfg.method
        )

        scorer = CharScorer(corpus, length, cfg.scores)
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        trainer = Trainer(
            run, game, char_boundary_seeking.phases(cfg.method), feed, text_hooks(scorer)
        )
        trainer.fit()
        close_text_run(
            trainer,
            scorer,
            "boundary-seeking",
            title="Boundary seeking on characters and real data",
        )


if __name__ == "__main__":
    launch(main, PRESETS)
