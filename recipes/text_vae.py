"""Text VAE: sentences from a continuous code, with paths between two sentences and bounds of the likelihood.

$ python recipes/text_vae.py                                bundled cat captions, minutes on a laptop
$ python recipes/text_vae.py --text my.txt --out runs/mine  your own text, a line each
$ python recipes/text_vae.py --kept-words 1 --annealing none   without both remedies: the code collapses
$ python recipes/text_vae.py paper --text my.txt            the paper's sizes on your text (hours)
$ python recipes/text_vae.py smoke                          seconds, to see that everything works
$ python recipes/text_vae.py --resume runs/text_vae         go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import CollapsedPosterior
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.text.tokenizer import UNK
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.evaluation.latent.evidence_scores import BoundedTextScorer
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_scores import TextScoreSettings
from seqgan_kit.methods.explicit import text_vae
from seqgan_kit.methods.explicit.text_vae import REMEDY, TextVAEMethod
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTMConfig, build_latent
from seqgan_kit.text_recipe import close_text_run, text_hooks


@dataclass(frozen=True)
class Config:
    """A variational autoencoder of sentences."""

    data: Annotated[TextData, flat] = TextData()
    method: Annotated[TextVAEMethod, flat] = TextVAEMethod()
    network: LatentLSTMConfig = LatentLSTMConfig()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=TextVAEMethod(
            batch_size=128,
            mle_epochs=20,
            learning_rate=3e-3,
            kept_words=0.75,
            free_nats=6.0,
            most_work=6.0,
        ),
        network=LatentLSTMConfig(
            embedding=64, hidden=128, latent=16, dropout=0.1, code_at="every_step"
        ),
    ),
    "paper": Config(),
    "smoke": Config(
        method=TextVAEMethod(batch_size=32, mle_epochs=0.1),
        network=LatentLSTMConfig(embedding=16, hidden=16, latent=4),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("text_vae", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData())
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        ids = corpus.tokenizer
        generator, baseline = build_latent(
            cfg.network, ids.vocabulary_size, corpus.length, bos=ids.bos, eos=ids.eos, pad=ids.pad
        )
        scorer = BoundedTextScorer(corpus, world, cfg.scores)
        game = text_vae.build(generator, baseline, method, unknown=UNK)
        hooks = text_hooks(scorer, CollapsedPosterior(remedy=REMEDY))
        trainer = Trainer(run, game, text_vae.phases(method), feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "text VAE", beside={"LSTM": "baseline"})


if __name__ == "__main__":
    launch(main, PRESETS)
