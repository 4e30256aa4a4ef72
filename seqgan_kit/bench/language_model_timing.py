"""Time a language model against transformers: rollouts, fine-tuning, and the loss of a large vocabulary."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.bench.peak_memory import peak_bytes
from seqgan_kit.bench.side_by_side import (
    floor_line,
    machine,
    ratio_line,
    seconds_line,
    time_in_turns,
)
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.files.pretrained_models import transformers_library
from seqgan_kit.core.game import Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.sequences.kernels.fused_likelihood import weighted_log_prob
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame
from seqgan_kit.sequences.sampling.rollout import complete_prefixes
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

BOS, EOS, PAD = 1, 2, 0
RATE, CLIP = 5e-5, 1.0
"""AdamW's learning rate and largest gradient norm: the defaults of transformers' Trainer."""


@dataclass(frozen=True)
class LanguageModelSetting:
    """Sizes of a GPT-2 with random weights, and of the work."""

    batch: int = 2
    length: int = 32
    vocabulary: int = 5000
    width: int = 256
    layers: int = 4
    rollouts: int = 8
    tuned_rows: int = 16
    updates: int = 20
    likelihood_vocabulary: int = 50_257
    likelihood_tokens: int = 2048
    repeats: int = 3
    seed: int = 0

    @property
    def token_flops(self) -> int:
        """Operations of the matrix products from one token to its logits, without attention."""
        return 2 * self.width * (12 * self.layers * self.width + self.vocabulary)

    @property
    def architecture(self) -> dict[str, Any]:
        """The settings of the network, without dropout."""
        sizes = {"n_embd": self.width, "n_layer": self.layers, "n_head": max(1, self.width // 64)}
        rates = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        return {"model_type": "gpt2", "n_positions": 2 * self.length, **sizes, **rates}


@dataclass(frozen=True)
class BenchConfig:
    """What a run is opened with."""

    run: RunSettings


def language_model_report(setting: LanguageModelSetting) -> str:
    """Measure and return a text."""
    title = (
        f"language model: GPT-2 of width {setting.width}, {setting.layers} layers, V={setting.vocabulary}, "
        f"T={setting.length}, {machine()}"
    )
    return "\n".join(
        [title, *_rollouts(setting), *_fine_tuning(setting), *_large_vocabulary(setting)]
    )


def new_generator(setting: LanguageModelSetting) -> LanguageModelGenerator:
    """Return the model as a generator of T tokens."""
    stored = StoredLanguageModel(architecture=json.dumps(setting.architecture))
    rng = torch.Generator().manual_seed(setting.seed)
    size = (setting.vocabulary, setting.length)
    return LanguageModelGenerator(stored, *size, bos=BOS, eos=EOS, pad=PAD, rng=rng)


def plain_model(generator: LanguageModelGenerator) -> Any:
    """Return the library's own model with the generator's weights."""
    kind = transformers_library().AutoModelForCausalLM
    model = kind.from_config(generator.model.config)
    model.load_state_dict(generator.model.state_dict())
    return model.eval()


def _rollouts(setting: LanguageModelSetting) -> list[str]:
    """Time N completions of every prefix."""
    generator = new_generator(setting).eval()
    rng = torch.Generator().manual_seed(setting.seed)
    rows = torch.randint(4, setting.vocabulary, (setting.batch, setting.length), generator=rng)
    ways: dict[str, Callable[[], object]] = {
        "generate": partial(
            generated_completions, plain_model(generator), generator, rows, setting.rollouts
        ),
        "library": lambda: complete_prefixes(
            generator.stepper(), rows, setting.rollouts, rng, CHUNK_ROWS
        ),
    }
    seconds = time_in_turns(ways, setting.repeats)
    return [
        f"{setting.rollouts} completions of every prefix of {setting.batch} rows",
        seconds_line("model.generate for every prefix", seconds["generate"]),
        seconds_line("library, one sweep", seconds["library"]),
        ratio_line(seconds["generate"], seconds["library"]),
        floor_line(sweep_flops(setting), setting.width, seconds["library"]),
    ]


def sweep_flops(setting: LanguageModelSetting) -> int:
    """Return the operations of all completions: each reads its last token, and draws the next one.

    A prefix is read once, and its completions draw their first tokens from one distribution.
    """
    prefixes = setting.batch * (setting.length - 1)
    steps = prefixes * setting.rollouts * (setting.length - 2) // 2
    return (prefixes + steps) * setting.token_flops


@torch.no_grad()
def generated_completions(
    model: Any, generator: LanguageModelGenerator, rows: Tensor, rollouts: int
) -> list[Tensor]:
    """Return N completions of every prefix of rows [B,T], by the library's generate with its cache.

    As in the sweep, all have T tokens unless they end, and each prefix is read once for its N completions.
    """
    first = torch.full_like(rows[:, :1], generator.bos)
    found = []
    for row in torch.cat([first, rows], 1).split(1):
        for kept in range(1, generator.length):
            prefix = row[:, : kept + 1]
            found.append(
                model.generate(
                    prefix,
                    attention_mask=torch.ones_like(prefix),
                    do_sample=True,
                    top_k=0,
                    num_return_sequences=rollouts,
                    max_new_tokens=generator.length - kept,
                    eos_token_id=generator.eos,
                    pad_token_id=generator.pad,
                )
            )
    return found


def _fine_tuning(setting: LanguageModelSetting) -> list[str]:
    """Time updates by maximum likelihood, with everything that is built before them ready."""
    rng = torch.Generator().manual_seed(setting.seed)
    count = setting.tuned_rows * setting.updates
    rows = torch.randint(4, setting.vocabulary, (count, setting.length), generator=rng)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as runs:
        try:
            trainer = their_trainer(setting, rows, folder)
        except ImportError:
            return ["fine-tuning: transformers' Trainer needs accelerate, which is not installed"]
        # A finished run trains no further, so each repetition has its own.
        fresh = iter([own_trainer(setting, rows, folder, runs) for _ in range(setting.repeats + 1)])
        ways: dict[str, Callable[[], object]] = {
            "library": lambda: next(fresh).fit(),
            "trainer": trainer.train,
        }
        seconds = time_in_turns(ways, setting.repeats)
    tokens = rows.numel()
    return [
        f"{setting.updates} updates of fine-tuning on {setting.tuned_rows} rows, with AdamW",
        seconds_line("transformers' Trainer", seconds["trainer"], tokens, "tokens"),
        seconds_line("library", seconds["library"], tokens, "tokens"),
        ratio_line(seconds["trainer"], seconds["library"]),
        floor_line(3 * tokens * setting.token_flops, setting.width, seconds["library"]),
    ]


def own_trainer(
    setting: LanguageModelSetting, rows: Tensor, folder: str, runs: ExitStack
) -> Trainer:
    """Return a trainer of the toolkit for one epoch, in a run folder of its own."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "run"
    settings = RunSettings(out=out, quiet=True, threads=torch.get_num_threads())
    run = runs.enter_context(open_run("bench", BenchConfig(settings)))
    optimizer = Optimizer(RATE, "adamw", clip_norm=CLIP)
    turn = Turn(("generator",), "mle_loss", optimizer=optimizer, moves=setting.updates)
    phase = Phase("fine-tuning", (turn,), evaluate_every_rounds=-1, sample_every_rounds=-1)
    feed = TensorFeed(
        {"real": rows}, setting.tuned_rows, seed=setting.seed, device=run.runtime.device
    )
    return Trainer(run, LikelihoodGame(new_generator(setting)), (phase,), feed)


def their_trainer(setting: LanguageModelSetting, rows: Tensor, folder: str) -> Any:
    """Return transformers' Trainer of the same model, which predicts one token less of each row."""
    transformers = transformers_library()
    arguments = transformers.TrainingArguments(
        f"{folder}/trainer",
        per_device_train_batch_size=setting.tuned_rows,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_grad_norm=CLIP,
        num_train_epochs=1,
        optim="adamw_torch_fused",
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=setting.seed,
        use_cpu=not torch.cuda.is_available(),
    )
    data = [{"input_ids": row, "labels": row} for row in rows]
    model = plain_model(new_generator(setting))
    # The library takes the name of the loss from the name of the class, which a fresh model's settings lack.
    model.loss_type = "ForCausalLM"
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=data)
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _large_vocabulary(setting: LanguageModelSetting) -> list[str]:
    """Measure time and memory of the likelihood's loss and gradient."""
    rng = torch.Generator().manual_seed(setting.seed)
    count, size = setting.likelihood_tokens, setting.likelihood_vocabulary
    hidden = torch.randn(count, setting.width, generator=rng).requires_grad_()
    weight = (0.05 * torch.randn(size, setting.width, generator=rng)).requires_grad_()
    bias, targets = torch.zeros(size), torch.randint(size, (count,), generator=rng)

    def plain() -> None:
        F.cross_entropy(F.linear(hidden, weight, bias), targets).backward()

    def fused() -> None:
        share = torch.full((count,), -1 / count)
        weighted_log_prob(hidden, weight, bias, targets, share).backward()

    ways: dict[str, Callable[[], object]] = {"plain": plain, "fused": fused}
    weight.grad, hidden.grad = torch.zeros_like(weight), torch.zeros_like(hidden)
    seconds = time_in_turns(ways, setting.repeats)
    peaks = {name: peak_bytes(way) for name, way in ways.items()}

    def line(name: str, title: str) -> str:
        peak = peaks[name]
        memory = "" if peak is None else f", {peak / 2**20:,.0f} MiB more than before at most"
        return seconds_line(title, seconds[name]) + memory

    lines = [
        f"likelihood and gradient of {count:,} tokens, V={size:,}",
        line("plain", "cross_entropy of all logits"),
        line("fused", "library, a few rows at a time"),
        ratio_line(seconds["plain"], seconds["fused"]),
    ]
    most, least = peaks["plain"], peaks["fused"]
    if most and least:
        lines.append(f"  memory: 1/{most / least:.1f} of that with all logits")
    return lines
