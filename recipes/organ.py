"""ORGAN: SeqGAN whose reward is mixed with an objective of the domain.

$ python recipes/organ.py                                   bundled captions, rewarded for their grammar
$ python recipes/organ.py molecules                         bundled molecules, drug-likeness (needs rdkit)
$ python recipes/organ.py molecules --text my.smi --objective logp
$ python recipes/organ.py music                             bundled tunes, bars that add up to the metre
$ python recipes/organ.py music --text my.abc --objective key
$ python recipes/organ.py --text my.txt --objective my.py:function    a function of your own
$ python recipes/organ.py molecules --reward-lambda 0       the objective alone, without the discriminator
$ python recipes/organ.py paper --text my.smi               the authors' settings (hours; use a GPU)
$ python recipes/organ.py smoke                             seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import GuessingDiscriminator, PinnedDiscriminator
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.objectives.objective_choice import ObjectiveSettings
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import (
    CAPTIONS,
    CAPTIONS_CNN,
    CAPTIONS_LSTM,
    SMOKE,
    SMOKE_CNN,
)
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import organ
from seqgan_kit.methods.organ import ORGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.textcnn import TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """ORGAN on text, molecules or tunes."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[ORGANMethod, flat] = ORGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings("validity")
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


DEFAULT = replace(CAPTIONS, discriminator_epochs=0.1, discriminator_moves=0)
"""The schedule of the preset default of the recipe seqgan."""
NOTATION = replace(DEFAULT, mle_epochs=25, rounds=120, most_work=8.0)
"""Rewards of whole sequences are noisier than those of rollouts, so there are more rounds."""
WHOLE_ROWS = ORGANMethod(rollouts=0, rollout_lag=0.0, baseline="batch")
"""A chemical or musical objective takes a millisecond a row, so it scores no completions."""
NOTATION_SCORES = TextScoreSettings(score_samples=1000, evaluation_samples=300)
PAPER_CNN = TextCNNConfig(
    filters=(
        (1, 100),
        *((width, 200) for width in (2, 3, 4, 5)),
        *((width, 100) for width in (6, 7, 8, 9, 10)),
        *((width, 160) for width in (15, 20)),
    )
)

PRESETS = {
    "default": Config(
        method=ORGANMethod(rollouts=4, rollout_lag=0.0, baseline="batch"),
        training=DEFAULT,
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
    ),
    "molecules": Config(
        data=TextData(text="molecules", tokenizer="smiles"),
        method=WHOLE_ROWS,
        training=NOTATION,
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
        objective=ObjectiveSettings("qed"),
        scores=NOTATION_SCORES,
    ),
    "music": Config(
        data=TextData(text="tunes", tokenizer="abc"),
        method=WHOLE_ROWS,
        training=NOTATION,
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
        objective=ObjectiveSettings("bars"),
        scores=NOTATION_SCORES,
    ),
    "paper": Config(
        data=TextData(text="molecules", tokenizer="smiles"),
        training=FineTuning(
            mle_epochs=240,
            mle_learning_rate=1e-3,
            rounds=100,
            generator_moves=2,
            pools=3,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=1e-3,
        ),
        discriminator=DiscriminatorChoice(textcnn=PAPER_CNN),
        objective=ObjectiveSettings("qed"),
    ),
    "smoke": Config(
        method=ORGANMethod(rollouts=2),
        training=SMOKE,
        discriminator=SMOKE_CNN,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("organ", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        words, pad = corpus.vocabulary, corpus.tokenizer.pad
        length = corpus.given + corpus.length
        discriminator = build_discriminator(cfg.discriminator, words, length, pad=pad)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = organ.build(generator, discriminator, cfg.method, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        phases = organ.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "ORGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
