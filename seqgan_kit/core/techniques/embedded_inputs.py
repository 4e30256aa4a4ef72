"""A network of tokens as a function of its embedded tokens, so that these can be perturbed (Miyato, Dai,
Goodfellow 2017, "Adversarial training methods for semi-supervised text classification")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError


def of_embedded(
    embedding: nn.Embedding, network: Callable[[], Tensor]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return the embedded tokens of a call, and the call as a function of them.

    Args:
        embedding: the layer that the network embeds its tokens by.
        network: a call of the network; it may embed several texts of the same N rows.

    Returns:
        The embedded tokens [N,L,E] of all texts, one after the other, and a function of such a tensor that
        returns what the network makes of it.
    """
    parts: list[Tensor] = []
    handle = embedding.register_forward_hook(lambda _m, _i, output: parts.append(output))
    try:
        with torch.no_grad():
            network()
    finally:
        handle.remove()
    if not parts:
        raise UsageError(
            "this network does not embed its tokens by the layer given, so its input cannot be perturbed: "
            "use another generator, or a weight of 0."
        )
    lengths = [part.shape[1] for part in parts]

    def made_of(x: Tensor) -> Tensor:
        with _embedding_as(embedding, x.split(lengths, 1)):
            return network()

    return torch.cat(parts, 1), made_of


@contextmanager
def _embedding_as(embedding: nn.Embedding, parts: tuple[Tensor, ...]) -> Iterator[None]:
    """Let the layer return these tensors, one at each call."""
    left = iter(parts)
    handle = embedding.register_forward_hook(lambda _m, _i, _o: next(left))
    try:
        yield
    finally:
        handle.remove()
