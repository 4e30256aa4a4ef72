"""MaskGAN (Fedus, Goodfellow, Dai 2018: "MaskGAN: Better text generation via filling in the ______").

G reads a text with blanks m(x) and writes the text, token by token; other tokens are kept. D has the same
architecture, reads m(x) and the filled text, and says of each blank whether its token is real:

    G(x^_t) = G(x_t | x^_1 ... x^_t-1, m(x))
    D(x^_t | x^_1:t, m(x)) = P(x^_t = x_t^real | x^_1:t, m(x))
    D maximises  E_data log D(x_t | x_1:t, m(x)) + E_G log (1 - D(x^_t | x^_1:t, m(x))),  means over blanks
    r_t = log D(x^_t | x^_1:t, m(x)),   R_t = sum_{s >= t} gamma^(s-t) r_s
    G ascends    E_G sum_t (R_t - b_t) grad log G(x^_t),  a sum over blanks

b_t is the value that a critic expects. G is pretrained by the likelihood of the blanks. With all tokens
blank, G writes a text from nothing.

The four choices. Players: two encoder-decoders with attention and a critic. Objective: cross-entropy at every
blank, log D as the reward. Estimator: REINFORCE with the discounted rewards of blanks. Schedule: MLE, then D
alone, then rounds; the share of blanks may rise over them.

D starts from the weights of the pretrained G.

Differs from the paper: G and D are RNNsearch (a bidirectional GRU encoder, a GRU decoder) in place of LSTMs
of two layers with Luong's attention and variational dropout, and G starts from no language model's weights.
The critic is linear in the state of G's decoder; the authors' is a head of D. Advantages are not clipped at
5, and log D has no epsilon. A text ends where it ends, and its end is known unless all of it is blank; theirs
is cut into pieces of 20 tokens. A contiguous blank has exactly the given share of tokens and may begin with
the first one.

The preset ``paper`` has the sizes, rates, dropout and discount of the authors' code on the Penn Treebank.
Their G has up to 100,000 updates of pretraining at batch 20 and a rate that falls by 0.95 at a time; here it
has 40 epochs at a constant one. D has 200 updates alone before the rounds, at the rate of the rounds, where
their command names none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, cast

from torch import Tensor

from seqgan_kit.core.bounds import Bounds, Positive, Share, UpTo1, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.estimators.baselines import (
    Baseline,
    baseline_players,
    baseline_turns,
    check_baseline,
    critic_loss,
    learning_players,
)
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, FineTuning, fine_tuning_phases
from seqgan_kit.sequences.infilling.blank_rewards import EveryBlank
from seqgan_kit.sequences.infilling.blanks import (
    Strategy,
    draw_blanks,
    rows_with_blanks,
    text_lengths,
)
from seqgan_kit.sequences.infilling.filled_reader import (
    FilledReader,
    blank_scores,
    check_same_sizes,
)
from seqgan_kit.sequences.infilling.infilling_generator import InfillingGenerator
from seqgan_kit.sequences.maximum_likelihood import mle_loss
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame

Rate = Annotated[float, Bounds(0, 1, open_below=True)]


@dataclass(frozen=True)
@bounded
class MaskGANMethod:
    """Settings of MaskGAN; the defaults are those of the authors' code."""

    blank_rate: Rate = 0.5
    """Share of a text's tokens that are blank (the paper: 0.5)."""
    final_blank_rate: UpTo1 = 0.0
    """Share in the last adversarial round, to which it rises or falls by the same amount every round (0: it
    stays; 1: the last texts are written from nothing, and log D rewards short ones)."""
    strategy: Strategy = "contiguous"
    """Where blanks are. contiguous: in one piece (the paper). random: every token by itself."""
    discount: UpTo1 = 0.89072
    """gamma: discount of the rewards of later blanks (the authors' code: 0.89072)."""
    baseline: Baseline = "critic"
    """Baseline subtracted from rewards. critic: a learned value (the paper). batch: mean of the other texts
    at the same position. moving_average: mean over past updates. self_critical: the rewards of the tokens
    that G writes greedily. none: nothing."""
    baseline_decay: Share = 0.99
    """Share of the moving-average baseline kept after an update."""
    critic_learning_rate: Weight = 5.1761e-7
    """Adam's learning rate of the critic (the authors' code: 5.1761e-7)."""
    discriminator_start: Literal["generator", "random"] = "generator"
    """Weights that D's encoder-decoder starts from: those of the pretrained generator (the authors' code), or
    random ones."""
    reward: RewardKind = "verdict"
    """Source of rewards. verdict: log D. constant (1 for each blank) and random (uniform numbers) ignore D;
    they are controls: a gain with them does not come from the discriminator."""
    chunk_rows: Positive = CHUNK_ROWS
    """Rows scored in one chunk; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_reward(self.reward)
        check_baseline(self.baseline, 0)

    def rate(self, move: Move) -> float:
        """Return the share of blanks in an update."""
        if move.phase != ADVERSARIAL or not self.final_blank_rate:
            return self.blank_rate
        return self.blank_rate + move.progress * (self.final_blank_rate - self.blank_rate)


class MaskGAN(SequenceGame):
    """The sequence game on texts with blanks. Every update draws new blanks for the batch's texts."""

    def __init__(
        self,
        generator: InfillingGenerator,
        discriminator: Discriminator,
        method: MaskGANMethod,
        training: FineTuning,
    ):
        estimator = EveryBlank(
            baseline=method.baseline,
            chunk_rows=method.chunk_rows,
            reward=method.reward,
            discount=method.discount,
        )
        others = baseline_players(
            method.baseline, generator, training.batch_size, method.baseline_decay
        )
        objective = non_saturating()
        super().__init__(generator, discriminator, objective, estimator, training, others=others)
        self.method = method
        if method.discriminator_start == "generator":
            reader = cast(FilledReader, discriminator.trunk)
            check_same_sizes(reader, generator)
            reader.start_from(generator)

    def start_discriminator(self, batch: Batch, move: Move) -> None:
        """Give D's encoder-decoder the weights of the generator's."""
        reader = cast(FilledReader, self.discriminator.trunk)
        reader.start_from(cast(InfillingGenerator, self.generator))

    def blanked(self, batch: Batch, move: Move) -> dict[str, Tensor]:
        """Return the batch with new blanks in its texts."""
        generator = self.generator
        texts = generator.written(batch["real"])
        counts = text_lengths(texts, generator.eos)
        rate, method = self.method.rate(move), self.method
        blank = draw_blanks(counts, generator.length, rate, method.strategy, move.rng)
        return {**batch, "real": rows_with_blanks(texts, blank, generator.bos)}

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Compute the negative log-likelihood of the blanks of the batch's texts."""
        return mle_loss(self.generator, self.blanked(batch, move))

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """See the base class."""
        super().draw_negatives(self.blanked(batch, move), move)

    def drawn_pairs(self, batch: Batch, move: Move) -> dict[str, Tensor]:
        """See the base class; real and generated texts have the same blanks."""
        return super().drawn_pairs(self.blanked(batch, move), move)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's cross-entropy on the blanks of real and of generated texts."""
        mask, real = self.generator.token_mask, batch["real"]
        scores = [blank_scores(self.discriminator, rows)[mask(rows)] for rows in (real, fake)]
        loss = judged_scores(self.objective, scores[0], scores[1])
        return self.penalised(loss, real, fake[: len(real)], move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the policy-gradient loss of the blanks."""
        loss = super().generator_loss(self.blanked(batch, move), move)
        return replace(loss, logs={**loss.logs, "blank_rate": self.method.rate(move)})

    def critic_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the squared error of the critic on the generator's last update."""
        return critic_loss(self)


def build(
    generator: InfillingGenerator,
    discriminator: Discriminator,
    method: MaskGANMethod,
    training: FineTuning,
) -> MaskGAN:
    """Build the game from its players and settings."""
    return MaskGAN(generator, discriminator, method, training)


def phases(method: MaskGANMethod, training: FineTuning, given: int) -> tuple[Phase, ...]:
    """Return the phases: pretraining by likelihood, D alone, then rounds of G, critic and D."""
    learn_values = baseline_turns(
        method.baseline, Optimizer(method.critic_learning_rate), training.generator_moves
    )
    starts = method.discriminator_start == "generator"
    start = Turn(("discriminator",), rule="start_discriminator", feed=None)
    return fine_tuning_phases(
        training,
        ("generator", *learning_players(method.baseline)),
        given=given,
        after_pretraining=(start,) if starts else (),
        after_learning=learn_values,
    )
