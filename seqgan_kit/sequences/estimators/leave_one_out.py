"""REINFORCE with a leave-one-out baseline over the rollouts of each prefix.

Every completion of y_<t begins with an action a_n of the generator and gets a reward r_n. So

    grad J = E sum_t 1/N sum_n grad log G(a_n | y_<t) (r_n - mean of the other N-1 rewards)

where y is drawn from G and a_1 ... a_N from G( . | y_<t) (Kool et al. 2019, "Buy 4 REINFORCE samples, get a
baseline for free!"). The prefix of the first position is BOS alone, for which there are no rollouts. There,
the sequences of the batch are compared with each other, by the action values of their first tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.sequences.estimators.baselines import mean_of_others
from seqgan_kit.sequences.estimators.trials import Trials
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


def compared_with_others(rewards: Tensor) -> Tensor:
    """Return r_n minus the mean of the other r along the last dimension [...,N]; the result sums to 0."""
    count = rewards.shape[-1]
    return (rewards - rewards.mean(-1, keepdim=True)) * (count / (count - 1))


def leave_one_out_loss(
    generator: SequenceGenerator, tokens: Tensor, trials: Trials, values: Tensor
) -> Tensor:
    """Return a scalar whose gradient is minus the estimate above.

    Args:
        generator: the generator from which tokens and actions were drawn.
        tokens: [B,S+T].
        trials: actions and rewards after their prefixes.
        values: [B,T] action values of the tokens; only the first column is used.
    """
    mask = generator.token_mask(tokens)
    hidden, is_open = generator.prefix_states(tokens), mask[:, 1:]
    first = values[:, 0] - mean_of_others(values[:, :1], mask[:, :1]).squeeze(1)
    written = generator.written(tokens)[:, 0]
    surprise = F.cross_entropy(generator.project(hidden[:, 0]), written, reduction="none")
    advantages = compared_with_others(trials.rewards[is_open])
    # log G(a_n) = logit of a_n - log sum exp. The second term cancels, since the advantages sum to 0.
    logits = action_logits(generator, hidden[:, 1:][is_open], trials.actions[is_open])
    later = (logits * advantages).sum() / trials.rewards.shape[-1]
    return ((first * surprise).sum() - later) / len(tokens)


def action_logits(generator: SequenceGenerator, hidden: Tensor, actions: Tensor) -> Tensor:
    """Return logits [C,N] of ``actions`` [C,N] after hidden states [C,H], with the smaller intermediate
    tensor."""
    rollouts, vocabulary = actions.shape[1], generator.vocabulary
    if vocabulary <= rollouts * hidden.shape[1]:
        return generator.project(hidden).gather(1, actions)
    with torch.autocast(hidden.device.type, enabled=False):
        rows = F.embedding(actions, generator.output.weight)  # [C,N,H]
        columns = hidden.to(rows.dtype).unsqueeze(2)
        return torch.bmm(rows, columns).squeeze(2) + generator.output.bias[actions]
