"""MaskGAN: fills the blanks of a text, with a discriminator that judges every blank.

$ python recipes/maskgan.py                                bundled cat captions, minutes on a laptop
$ python recipes/maskgan.py --text my.txt --out runs/mine  your own text, a line each
$ python recipes/maskgan.py --strategy random              blanks anywhere instead of in one piece
$ python recipes/maskgan.py --final-blank-rate 1           ever more blanks, at last whole texts
$ python recipes/maskgan.py --reward constant              the control without a discriminator
$ python recipes/maskgan.py paper --text my.txt            the sizes of the authors' code on your text (a GPU)
$ python recipes/maskgan.py smoke                          seconds, to see that everything works
$ seqgan-kit sample runs/maskgan --given FILE              fill the blanks (_) of each line of a file
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import PinnedDiscriminator
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.conditional.blanked_corpus import load_blanked
from seqgan_kit.evaluation.corpora.recipe_corpus import TextData
from seqgan_kit.evaluation.pretrained import start_from, start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS, SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import maskgan
from seqgan_kit.methods.rewarded.maskgan import MaskGANMethod
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.infilling.filled_reader import build_filled_reader
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, build_infilling
from seqgan_kit.text_recipe import close_text_run, text_hooks


@dataclass(frozen=True)
class Config:
    """MaskGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    method: Annotated[MaskGANMethod, flat] = MaskGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: InfillingConfig = InfillingConfig()
    discriminator: InfillingConfig = InfillingConfig()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


SMALL = InfillingConfig(rnn_search=RNNSearchConfig(64, 96, dropout=0.1))
TINY = InfillingConfig(rnn_search=RNNSearchConfig(8, 8))
PAPER = InfillingConfig(rnn_search=RNNSearchConfig(650, 650, dropout=0.66029))

PRESETS = {
    "default": Config(
        method=MaskGANMethod(critic_learning_rate=1e-2),
        training=replace(
            CAPTIONS,
            mle_epochs=10,
            negatives=0,
            pretrain_pools=120,
            rounds=60,
            generator_moves=1,
            discriminator_moves=3,
            teacher_forcing_moves=1,
        ),
        generator=SMALL,
        discriminator=SMALL,
        scores=TextScoreSettings(score_samples=1000, evaluation_samples=500),
    ),
    "paper": Config(
        data=TextData(vocabulary=10_000),
        training=FineTuning(
            batch_size=128,
            mle_epochs=40,
            mle_learning_rate=7.4876e-4,
            negatives=0,
            pretrain_pools=100,
            discriminator_moves=2,
            rounds=100_000,
            pools=1,
            generator_learning_rate=3.8877e-5,
            discriminator_learning_rate=5e-4,
            clip_norm=10.0,
            discriminator_clip_norm=10.0,
            score_l2=0.0,
        ),
        generator=PAPER,
        discriminator=replace(PAPER, rnn_search=RNNSearchConfig(650, 650, dropout=0.2806)),
    ),
    "smoke": Config(
        training=replace(SMOKE, mle_epochs=0.05, negatives=0, teacher_forcing_moves=1),
        generator=TINY,
        discriminator=TINY,
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("maskgan", cfg) as run:
        corpus, world = load_blanked(cfg.data, cfg.method.blank_rate, cfg.method.strategy)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        ids = corpus.tokenizer
        special = {"bos": ids.bos, "eos": ids.eos, "pad": ids.pad}
        generator = build_infilling(cfg.generator, ids.vocabulary_size, corpus.length, **special)
        start_from(training.pretrained, generator, ids, run.say)
        discriminator = build_filled_reader(
            cfg.discriminator, ids.vocabulary_size, corpus.length, bos=ids.bos, pad=ids.pad
        )
        game = maskgan.build(generator, discriminator, cfg.method, training)

        scorer = TextScorer(corpus, world, cfg.scores)
        hooks = text_hooks(scorer, PinnedDiscriminator())
        phases = maskgan.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "MaskGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
