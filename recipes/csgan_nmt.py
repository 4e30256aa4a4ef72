"""CSGAN-NMT: translation, fine-tuned by a discriminator of pairs and by BLEU.

$ python recipes/csgan_nmt.py                                bundled captions in two languages (minutes)
$ python recipes/csgan_nmt.py --objective ''                 without BLEU: CSGAN-NMT in place of BR-CSGAN
$ python recipes/csgan_nmt.py --reward constant              the control without a discriminator
$ python recipes/csgan_nmt.py --sources train.de --text train.en --tokenizer bpe    your own translations
$ python recipes/csgan_nmt.py paper --sources train.de --text train.en --tokenizer bpe
$ python recipes/csgan_nmt.py transformer --sources train.de --text train.en        the paper's Transformer
$ python recipes/csgan_nmt.py smoke                          seconds, to see that everything works
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
from seqgan_kit.evaluation.text_presets import SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import csgan_nmt
from seqgan_kit.methods.csgan_nmt import CSGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNNConfig
from seqgan_kit.sequences.discriminators.pair_textcnn import PairTextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig
from seqgan_kit.text_recipe import (
    close_text_run,
    corpus_discriminator,
    starting_generator,
    text_hooks,
)


@dataclass(frozen=True)
class Config:
    """CSGAN-NMT."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[CSGANMethod, flat] = CSGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("rnn_search")
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice("pair_cnn")
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings("bleu", 0.7, 0.5)
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


WORLD = TextData(text="catworld:translate")
ROUNDS = FineTuning(
    batch_size=64,
    negatives=5000,
    discriminator_epochs=1.0,
    pools=1,
    teacher_forcing_moves=1,
    clip_norm=1.0,
    discriminator_clip_norm=1.0,
    score_l2=0.0,
)
PUBLISHED = replace(
    ROUNDS,
    mle_epochs=15,
    mle_learning_rate=1e-3,
    mle_schedule="linear",
    pretrain_pools=100,
    discriminator_moves=78,
    rounds=2000,
    generator_learning_rate=1e-5,
    discriminator_learning_rate=1e-4,
)
"""One update of G by reward, one on real translations, an epoch of D over 5,000 pairs."""
PUBLISHED_CNN = DiscriminatorChoice(
    "pair_textcnn",
    pair_textcnn=PairTextCNNConfig(
        512, tuple((width, 100 + 10 * width) for width in range(1, 50, 4))
    ),
)

PRESETS = {
    "default": Config(
        data=WORLD,
        method=CSGANMethod(rollouts=4),
        training=replace(
            ROUNDS,
            negatives=1024,
            discriminator_moves=16,
            mle_epochs=8,
            mle_learning_rate=3e-3,
            mle_schedule="linear",
            pretrain_pools=30,
            rounds=150,
            generator_learning_rate=2e-4,
            discriminator_learning_rate=1e-3,
            most_work=6.0,
            evaluate_every_epochs=2,
        ),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(64, 96, dropout=0.1)),
    ),
    "paper": Config(
        training=PUBLISHED,
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(620, 1000)),
        discriminator=PUBLISHED_CNN,
    ),
    "transformer": Config(
        training=PUBLISHED,
        generator=GeneratorChoice(
            "transformer_seq2seq", transformer_seq2seq=Seq2SeqConfig(width=512, layers=6, heads=8)
        ),
        discriminator=PUBLISHED_CNN,
        objective=ObjectiveSettings("bleu", 0.8, 0.5),
    ),
    "smoke": Config(
        data=WORLD,
        method=CSGANMethod(rollouts=2),
        training=replace(SMOKE, teacher_forcing_moves=1, score_l2=0.0),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(8, 8)),
        discriminator=DiscriminatorChoice("pair_cnn", pair_cnn=PairCNNConfig(8, 8)),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("csgan_nmt", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = csgan_nmt.build(generator, discriminator, cfg.method, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        phases = csgan_nmt.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "CSGAN-NMT", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
