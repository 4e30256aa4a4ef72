"""DPGAN: a language model as the discriminator, whose surprise rewards novel text.

$ python recipes/dpgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/dpgan.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/dpgan.py --reward constant               the control: no discriminator
$ python recipes/dpgan.py --pretrained runs/mle           start from a trained generator
$ python recipes/dpgan.py paper --text my.txt             SeqGAN's networks and schedule (hours; a GPU)
$ python recipes/dpgan.py smoke                           seconds, to see that everything works
$ python recipes/dpgan.py --resume runs/dpgan           go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS, CAPTIONS_LSTM, SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import dpgan
from seqgan_kit.methods.rewarded.dpgan import DPGANMethod
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """DPGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[DPGANMethod, flat] = DPGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning(negatives=0)
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: GeneratorChoice = GeneratorChoice()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=DPGANMethod(baseline="batch"),
        training=replace(CAPTIONS, negatives=0),
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_LSTM,
    ),
    "paper": Config(training=FineTuning(negatives=0, teacher_forcing_moves=1)),
    "smoke": Config(
        training=replace(SMOKE, negatives=0),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("dpgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = starting_generator(run, cfg.discriminator, corpus, "")

        scorer = TextScorer(corpus, world, cfg.scores)
        game = dpgan.build(generator, discriminator, cfg.method, training)
        phases = dpgan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "DPGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
