"""SeqGAN: pretrain a generator by maximum likelihood, then fine-tune it against a discriminator.

$ python recipes/seqgan.py                                bundled cat captions, minutes on a laptop
$ python recipes/seqgan.py --text my.txt --out runs/mine  your own text, a line each
$ python recipes/seqgan.py paper --text my.txt            the paper's settings (hours; use a GPU)
$ python recipes/seqgan.py oracle                         the LSTM world of the paper
$ python recipes/seqgan.py smoke                          seconds, to see that everything works
$ python recipes/seqgan.py --resume runs/seqgan           go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/seqgan.py           several processes
"""

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.alarms import LostDiversity, PinnedDiscriminator
from seqgan_kit.core.config import flat, launch
from seqgan_kit.core.run import RunSettings, open_run
from seqgan_kit.core.trainer import Hooks, Trainer
from seqgan_kit.methods import seqgan
from seqgan_kit.methods.corpora import OracleData, TextData, load_corpus
from seqgan_kit.methods.export import save_text_model
from seqgan_kit.methods.pretrained import start_from
from seqgan_kit.methods.seqgan import SeqGANMethod
from seqgan_kit.methods.text_scores import ScoreSettings, TextScorer
from seqgan_kit.report.closing import close_run
from seqgan_kit.report.html import write_report
from seqgan_kit.sequences.discriminators import DiscriminatorChoice, build_discriminator
from seqgan_kit.sequences.generators import GeneratorChoice, build_generator
from seqgan_kit.sequences.lstm import LSTMConfig
from seqgan_kit.sequences.schedule import PRETRAINED, FineTuning
from seqgan_kit.sequences.textcnn import TextCNNConfig


@dataclass(frozen=True)
class Config:
    """SeqGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[SeqGANMethod, flat] = SeqGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    scores: Annotated[ScoreSettings, flat] = ScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=SeqGANMethod(rollouts=4, rollout_lag=0.0, baseline="batch"),
        training=FineTuning(
            batch_size=128,
            mle_epochs=15,
            mle_learning_rate=5e-3,
            mle_schedule="linear",
            negatives=1024,
            pretrain_pools=60,
            discriminator_epochs=0.1,
            rounds=90,
            generator_moves=2,
            pools=1,
            teacher_forcing_moves=2,
            generator_learning_rate=5e-4,
            discriminator_learning_rate=2e-3,
            score_l2=0.0,
            evaluate_every_epochs=5,
            evaluate_every_rounds=15,
        ),
        generator=GeneratorChoice(lstm=LSTMConfig(embedding=64, hidden=128)),
        discriminator=DiscriminatorChoice(
            textcnn=TextCNNConfig(embedding=64, filters=((2, 128), (3, 128), (4, 128)), dropout=0.1)
        ),
    ),
    "oracle": Config(
        oracle=OracleData("seed:88"),
        method=SeqGANMethod(rollouts=4, rollout_lag=0.0),
        training=FineTuning(
            negatives=0,
            pretrain_pools=40,
            discriminator_moves=8,
            rounds=60,
            pools=1,
            generator_learning_rate=1e-2,
            discriminator_learning_rate=1e-4,
            evaluate_every_epochs=20,
        ),
        discriminator=DiscriminatorChoice(
            textcnn=TextCNNConfig(filters=((1, 64), (2, 128), (3, 128), (4, 64)))
        ),
    ),
    "paper": Config(),
    "fast": Config(method=SeqGANMethod(rollouts=4, rollout_lag=0.0, baseline="leave_one_out")),
    "smoke": Config(
        method=SeqGANMethod(rollouts=2),
        training=FineTuning(
            batch_size=32,
            mle_epochs=0.1,
            negatives=128,
            pretrain_pools=1,
            discriminator_epochs=0.02,
            rounds=2,
            pools=1,
            evaluate_every_rounds=1,
        ),
        discriminator=DiscriminatorChoice(
            textcnn=TextCNNConfig(embedding=16, filters=((2, 8), (3, 8)))
        ),
        scores=ScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("seqgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle)
        run.say("\\n".join(corpus.account.lines()))
        ids, words, length = corpus.tokenizer, corpus.tokenizer.vocabulary_size, corpus.length
        generator = build_generator(
            cfg.generator, words, length, bos=ids.bos, eos=ids.eos, pad=ids.pad
        )
        start_from(cfg.training.pretrained, generator, ids)
        discriminator = build_discriminator(cfg.discriminator, words, length, pad=ids.pad)
        game = seqgan.build(generator, discriminator, cfg.method, cfg.training)

        scorer = TextScorer(corpus, world, cfg.scores)
        alarms = (PinnedDiscriminator(), LostDiversity(scorer.real_diversity()))
        hooks = Hooks(scorer, scorer.draw_lines, write_report, alarms)
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        phases = seqgan.phases(cfg.method, cfg.training)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()

        if run.runtime.leads:
            pretrained = trainer.player_after(PRETRAINED, "generator")
            rows = scorer.rows({"MLE": pretrained, "SeqGAN": generator}, cfg.run.seed)
            save_text_model(run.log.model_folder, generator, corpus.tokenizer)
            close_run(run, scorer.record("MLE, SeqGAN and real data", rows))


if __name__ == "__main__":
    launch(main, PRESETS)
