"""WGAN-GP on characters: text from noise, all characters at once, no pretraining.

$ python recipes/char_wgan_gp.py                            bundled cat captions, minutes on a laptop
$ python recipes/char_wgan_gp.py --text my.txt              your own text, 32 characters a line
$ python recipes/char_wgan_gp.py paper --text my.txt        the paper's settings (days; use a GPU)
$ python recipes/char_wgan_gp.py smoke                      seconds, to see that everything works
$ python recipes/char_wgan_gp.py --resume runs/char_wgan_gp go on where a run stopped
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
from seqgan_kit.methods import char_wgan_gp
from seqgan_kit.methods.char_wgan_gp import CharWGANGPMethod
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNet,
    CharResNetConfig,
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)
from seqgan_kit.text_recipe import close_text_run, text_hooks


@dataclass(frozen=True)
class Config:
    """WGAN-GP on characters."""

    data: Annotated[TextData, flat] = TextData(tokenizer="char")
    method: Annotated[CharWGANGPMethod, flat] = CharWGANGPMethod()
    length: int = 32
    """T: characters per row, counted from the start of each line."""
    generator: CharResNetGeneratorConfig = CharResNetGeneratorConfig()
    critic: CharResNetConfig = CharResNetConfig()
    scores: Annotated[CharScoreSettings, flat] = CharScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=CharWGANGPMethod(
            batch_size=32,
            rounds=6000,
            critic_moves=3,
            generator_learning_rate=4e-3,
            critic_learning_rate=4e-3,
            schedule="linear",
            evaluate_every_rounds=300,
        ),
        generator=CharResNetGeneratorConfig(width=32, blocks=2),
        critic=CharResNetConfig(width=32, blocks=2),
    ),
    "paper": Config(),
    "smoke": Config(
        method=CharWGANGPMethod(batch_size=16, rounds=4, critic_moves=2, evaluate_every_rounds=2),
        generator=CharResNetGeneratorConfig(width=8, blocks=1),
        critic=CharResNetConfig(width=8, blocks=1),
        scores=CharScoreSettings(score_samples=100),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("char_wgan_gp", cfg) as run:
        corpus = load_text(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        words, length = corpus.tokenizer.vocabulary_size, row_length(corpus, cfg.length)
        generator = CharResNetGenerator(cfg.generator, words, length)
        trunk = CharResNet(cfg.critic, words, length, pad=PAD)
        game = char_wgan_gp.build(generator, Discriminator(trunk, trunk.features), cfg.method)

        scorer = CharScorer(corpus, length, cfg.scores)
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        trainer = Trainer(run, game, char_wgan_gp.phases(cfg.method), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "WGAN-GP", title="WGAN-GP on characters and real data")


if __name__ == "__main__":
    launch(main, PRESETS)
