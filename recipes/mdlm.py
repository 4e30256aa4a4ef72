"""MDLM: masked diffusion, beside an autoregressive LSTM; the alternative to adversarial training.

$ python recipes/mdlm.py                                bundled cat captions, minutes on a laptop
$ python recipes/mdlm.py --text my.txt --out runs/mine  your own text, a line each
$ python recipes/mdlm.py --network.steps 100            fewer, larger steps for samples
$ python recipes/mdlm.py paper --text my.txt            the paper's small model on your text (a GPU)
$ python recipes/mdlm.py smoke                          seconds, to see that everything works
$ python recipes/mdlm.py --resume runs/mdlm             go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.evaluation.latent.evidence_scores import BoundedTextScorer
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_scores import TextScoreSettings
from seqgan_kit.methods.explicit import mdlm
from seqgan_kit.methods.explicit.mdlm import MDLMMethod
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.masked_denoiser import MaskedDenoiserConfig, build_denoiser
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """Masked diffusion on text."""

    data: Annotated[TextData, flat] = TextData()
    method: Annotated[MDLMMethod, flat] = MDLMMethod()
    network: MaskedDenoiserConfig = MaskedDenoiserConfig()
    baseline: GeneratorChoice = GeneratorChoice(lstm=LSTMConfig(64, 128, initial_std=None))
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=MDLMMethod(
            batch_size=128,
            mle_epochs=40,
            learning_rate=2e-3,
            schedule="linear",
            warmup_moves=100,
            most_work=6.0,
        ),
        network=MaskedDenoiserConfig(96, 3, 4, feedforward=256, dropout=0.0, steps=100),
    ),
    "paper": Config(),
    "smoke": Config(
        method=MDLMMethod(batch_size=32, mle_epochs=0.1, warmup_moves=10),
        network=MaskedDenoiserConfig(16, 1, 2, feedforward=16, steps=10),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("mdlm", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData())
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        ids = corpus.tokenizer
        generator = build_denoiser(
            cfg.network, ids.vocabulary_size, corpus.length, bos=ids.bos, eos=ids.eos, pad=ids.pad
        )
        baseline = starting_generator(run, cfg.baseline, corpus, "")

        scorer = BoundedTextScorer(corpus, world, cfg.scores, importance=False)
        game = mdlm.build(generator, baseline)
        trainer = Trainer(run, game, mdlm.phases(method), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "MDLM", beside={"LSTM": "baseline"})


if __name__ == "__main__":
    launch(main, PRESETS)
