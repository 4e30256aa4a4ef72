"""GAD: distil a teacher from its replies alone, with a discriminator that learns as the reward model.

$ python recipes/gad.py                                      translations of captions, minutes on a laptop
$ python recipes/gad.py --text talks.jsonl --column reply --source-column prompt       your teacher's replies
$ python recipes/gad.py --generator hf:FOLDER --tokenizer hf:FOLDER --hf.lora-rank 8 --text my.txt
$ python recipes/gad.py --reward constant                    the control without a discriminator
$ python recipes/gad.py paper --generator hf:FOLDER --tokenizer hf:FOLDER --text my.txt
$ python recipes/gad.py smoke                                seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
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
from seqgan_kit.methods.distilled import gad
from seqgan_kit.methods.distilled.gad import GADMethod
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
    """GAD: generative adversarial distillation."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[GADMethod, flat] = GADMethod()
    policy: Annotated[PolicySettings, flat] = PolicySettings()
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
        training=ReplyTraining(generator_learning_rate=5e-5, most_work=6.0),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(64, 96, dropout=0.1)),
    ),
    "paper": Config(
        training=ReplyTraining(
            batch_size=256,
            mle_epochs=1,
            mle_learning_rate=5e-6,
            mle_schedule="constant",
            pretrain_pools=800,
            rounds=1600,
            generator_learning_rate=1e-6,
            discriminator_learning_rate=1e-6,
        ),
        generator=GeneratorChoice("hf"),
        discriminator=DiscriminatorChoice("transformer_reader"),
    ),
    "smoke": Config(
        data=WORLD,
        policy=PolicySettings(replies=2, minibatches=2),
        training=ReplyTraining(mle_epochs=0.1, pretrain_pools=1, rounds=2, evaluate_every_rounds=1),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(8, 8)),
        discriminator=DiscriminatorChoice("pair_rnn", pair_rnn=PairRNNConfig(8, 8, matching=8)),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("gad", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = gad.build(generator, discriminator, cfg.method, cfg.policy, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        trainer = Trainer(run, game, gad.phases(cfg.policy, training), feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "GAD", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
