"""The domain of a corpus, by the notation of its tokenizer or by its known world."""

from __future__ import annotations

from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions, World
from seqgan_kit.evaluation.domains.caption_domain import CaptionDomain
from seqgan_kit.evaluation.domains.domain import Domain
from seqgan_kit.evaluation.domains.molecule_domain import MoleculeDomain
from seqgan_kit.evaluation.domains.tune_domain import TuneDomain


def domain_of(corpus: TextCorpus, world: World | None = None) -> Domain | None:
    """Return the domain of the corpus's lines; None for ordinary text."""
    if corpus.tokenizer.kind in ("smiles", "selfies"):
        return MoleculeDomain(corpus.train_lines)
    if corpus.tokenizer.kind == "abc":
        return TuneDomain()
    return CaptionDomain(world.world) if isinstance(world, CatCaptions) else None
