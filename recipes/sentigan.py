"""SentiGAN: a generator for each class, and a discriminator of classes and generated text.

$ python recipes/sentigan.py                                bundled captions of one, two or three cats
$ python recipes/sentigan.py --text my.csv --column text --label-column sentiment --out runs/mine
$ python recipes/sentigan.py --reward constant              the control: the same penalty for all tokens
$ python recipes/sentigan.py paper --text my.csv --column text --label-column sentiment    (hours; a GPU)
$ python recipes/sentigan.py smoke                          seconds, to see that everything works
$ python recipes/sentigan.py --resume runs/sentigan         go on where a run stopped
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
from seqgan_kit.evaluation.pretrained import start_from, start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS, CAPTIONS_CNN, SMOKE, SMOKE_CNN
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import sentigan
from seqgan_kit.methods.rewarded.sentigan import SentiGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.textcnn import TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.class_generators import (
    ClassLSTMsConfig,
    build_class_generators,
)
from seqgan_kit.text_recipe import close_text_run, corpus_discriminator, text_hooks


@dataclass(frozen=True)
class Config:
    """SentiGAN on text with classes."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[SentiGANMethod, flat] = SentiGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: ClassLSTMsConfig = ClassLSTMsConfig()
    discriminator: TextCNNConfig = TextCNNConfig()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


CATS = TextData(text="catworld:faces", column="caption")
NUMBER = PairData(label_column="cats")

PRESETS = {
    "default": Config(
        data=CATS,
        pairs=NUMBER,
        method=SentiGANMethod(rollouts=4),
        training=replace(CAPTIONS, rounds=60, pretrain_pools=40),
        generator=ClassLSTMsConfig(64, 64),
        discriminator=CAPTIONS_CNN.textcnn,
    ),
    "paper": Config(
        training=FineTuning(
            mle_epochs=150,
            pretrain_pools=10,
            negatives=4480,
            rounds=2000,
            generator_moves=2,
            pools=1,
            teacher_forcing_moves=2000,
        ),
    ),
    "smoke": Config(
        data=CATS,
        pairs=NUMBER,
        method=SentiGANMethod(rollouts=1),
        training=replace(SMOKE, teacher_forcing_moves=1),
        generator=ClassLSTMsConfig(16, 16),
        discriminator=SMOKE_CNN.textcnn,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("sentigan", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        ids = corpus.tokenizer
        generator = build_class_generators(
            cfg.generator,
            ids.vocabulary_size,
            corpus.length,
            bos=ids.bos,
            eos=ids.eos,
            pad=ids.pad,
            given=corpus.given,
            source_vocabulary=corpus.vocabulary - ids.vocabulary_size,
        )
        start_from(training.pretrained, generator, ids, run.say, corpus.source_vocabulary)
        judge = corpus_discriminator(DiscriminatorChoice(textcnn=cfg.discriminator), corpus)

        scorer = TextScorer(corpus, world, cfg.scores)
        game = sentigan.build(generator, judge.trunk, cfg.method, training)
        phases = sentigan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "SentiGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
