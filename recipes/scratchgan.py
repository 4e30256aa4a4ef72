"""ScratchGAN: train a text GAN without pretraining, with a reward of every step.

$ python recipes/scratchgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/scratchgan.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/scratchgan.py --reward constant               the control: no discriminator
$ python recipes/scratchgan.py paper --text my.txt             the paper's settings (a GPU)
$ python recipes/scratchgan.py smoke                           seconds, to see that everything works
$ python recipes/scratchgan.py --resume runs/scratchgan        go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import PinnedDiscriminator
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import scratchgan
from seqgan_kit.methods.rewarded.scratchgan import ScratchGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.step_reader import StepReaderConfig
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """ScratchGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[ScratchGANMethod, flat] = ScratchGANMethod()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice(
        lstm=LSTMConfig(64, 512, 2, initial_std=None)
    )
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice("step_reader")
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=ScratchGANMethod(
            batch_size=256,
            rounds=1500,
            generator_learning_rate=2e-3,
            discriminator_learning_rate=5e-3,
            most_work=6.0,
        ),
        generator=GeneratorChoice(lstm=LSTMConfig(64, 128, initial_std=None)),
        discriminator=DiscriminatorChoice(
            "step_reader", step_reader=StepReaderConfig(embedding=32, hidden=64)
        ),
    ),
    "paper": Config(),
    "smoke": Config(
        method=ScratchGANMethod(batch_size=32, rounds=2),
        generator=GeneratorChoice(lstm=LSTMConfig(16, 16)),
        discriminator=DiscriminatorChoice(
            "step_reader", step_reader=StepReaderConfig(embedding=8, hidden=8)
        ),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("scratchgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, "")
        words, pad = corpus.vocabulary, corpus.tokenizer.pad
        length = corpus.given + corpus.length
        discriminator = build_discriminator(cfg.discriminator, words, length, pad=pad)

        scorer = TextScorer(corpus, world, cfg.scores)
        game = scratchgan.build(generator, discriminator, method)
        hooks = text_hooks(scorer, PinnedDiscriminator())
        trainer = Trainer(run, game, scratchgan.phases(method), feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "ScratchGAN")


if __name__ == "__main__":
    launch(main, PRESETS)
