"""TextGAIL: a contrastive discriminator, clipped policy updates, and real texts among the generated ones.

$ python recipes/textgail.py                                 translations of captions, minutes on a laptop
$ python recipes/textgail.py --text catworld --generator lstm --discriminator textcnn       captions
$ python recipes/textgail.py --generator hf:FOLDER --tokenizer hf:FOLDER --hf.lora-rank 8 --text my.txt
$ python recipes/textgail.py --reward random                 the control without a discriminator
$ python recipes/textgail.py paper --text my.txt
$ python recipes/textgail.py smoke                           seconds, to see that everything works
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
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.distilled import textgail
from seqgan_kit.methods.distilled.textgail import SETTINGS, TextGAILMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNNConfig
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.reply_training import ReplyTraining
from seqgan_kit.text_recipe import (
    close_text_run,
    corpus_discriminator,
    starting_generator,
    text_hooks,
)


@dataclass(frozen=True)
class Config:
    """TextGAIL."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[TextGAILMethod, flat] = TextGAILMethod()
    policy: Annotated[PolicySettings, flat] = SETTINGS
    training: Annotated[ReplyTraining, flat] = ReplyTraining()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("rnn_search")
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice("pair_rnn")
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


WORLD = TextData("catworld:translate")

PRESETS = {
    "default": Config(
        data=WORLD,
        training=ReplyTraining(batch_size=128, most_work=6.0),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(64, 96, dropout=0.1)),
    ),
    "paper": Config(
        policy=replace(SETTINGS, minibatches=16),
        training=ReplyTraining(
            batch_size=128,
            mle_epochs=5,
            mle_learning_rate=1e-5,
            pretrain_pools=13,
            discriminator_moves=16,
            rounds=1000,
            generator_learning_rate=1e-5,
            discriminator_learning_rate=1e-5,
        ),
        generator=GeneratorChoice("transformer"),
        discriminator=DiscriminatorChoice("transformer_reader"),
    ),
    "smoke": Config(
        data=WORLD,
        policy=replace(SETTINGS, minibatches=2),
        training=ReplyTraining(mle_epochs=0.1, pretrain_pools=1, rounds=2, evaluate_every_rounds=1),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(8, 8)),
        discriminator=DiscriminatorChoice("pair_rnn", pair_rnn=PairRNNConfig(8, 8, matching=8)),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("textgail", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = textgail.build(
            generator, discriminator, cfg.method, cfg.policy, training, scorer.reward
        )

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        trainer = Trainer(run, game, textgail.phases(cfg.policy, training), feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "TextGAIL", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
