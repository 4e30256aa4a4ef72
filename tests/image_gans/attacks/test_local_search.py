"""Greedy local search: its steps by hand, its budget, and that it asks for no gradients."""

import pytest
import torch

from image_gans.attacks.local_search import LocalSearch, cyclic, local_search, neighbours, tried
from seqgan_kit.errors import UsageError

IMAGE = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


def rng():
    return torch.Generator().manual_seed(1)


class Watched:
    """A classifier that counts the images that it is shown and refuses gradients."""

    def __init__(self, score):
        self.score, self.shown = score, 0

    def __call__(self, x):
        assert not torch.is_grad_enabled()
        assert not x.requires_grad
        self.shown += len(x)
        value = self.score(x)
        return torch.stack([torch.zeros_like(value), value], 1)


def corner_is_dark(x):
    """Class 1 if the pixel (2, 3) of the first channel has another sign than in the image."""
    return torch.where(x[:, 0, 2, 3] * IMAGE[0, 2, 3].sign() < 0, 5.0, -5.0) - 0.1 * x.mean(
        (1, 2, 3)
    )


def test_cyclic_values_by_hand():
    values = torch.tensor([0.2, 0.8, -0.8, 1.0, -1.0, 0.0])
    wanted = torch.tensor([0.3, 1.2 - 2, -1.2 + 2, 1.5 - 2, -1.5 + 2, 0.0])
    torch.testing.assert_close(cyclic(values, 1.5), wanted)


def test_trials_change_one_place_each_to_its_extreme():
    places = torch.tensor([0, 13])
    trials = tried(IMAGE, places, 1.0)
    changed = (trials != IMAGE).any(1).flatten(1)
    assert changed.nonzero().tolist() == [[0, 0], [1, 13]]
    assert torch.equal(trials[1, :, 1, 5], 2.0 * IMAGE[:, 1, 5].sign())


def test_neighbours_stay_inside_and_come_once():
    assert neighbours(torch.tensor([0]), 1, 8, 8).tolist() == [0, 1, 8, 9]
    both = neighbours(torch.tensor([0, 1]), 1, 8, 8).tolist()
    assert both == [0, 1, 2, 8, 9, 10]
    assert neighbours(torch.tensor([13]), 0, 8, 8).tolist() == [13]


def test_it_finds_the_pixel_that_decides():
    """The image's pixel is so bright that cyclic(1.5 x) changes its sign."""
    image = IMAGE.clone()
    image[0, 2, 3] = 0.9 * IMAGE[0, 2, 3].sign()
    watched = Watched(corner_is_dark)
    found = local_search(watched, image, 0, LocalSearch(pixels=1, rounds=50, reach=4), rng())
    assert found.fooled
    assert found.queries == watched.shown
    assert (found.image != image)[0, 2, 3]


@pytest.mark.parametrize("search", [LocalSearch(pixels=2, rounds=3), LocalSearch(1, 4, 0)])
def test_no_more_pixels_change_than_the_budget(search):
    never = Watched(lambda x: -1 - x.mean((1, 2, 3)).square())
    found = local_search(never, IMAGE, 0, search, rng())
    assert not found.fooled
    changed = int((found.image != IMAGE).any(0).sum())
    assert 0 < changed <= search.most_pixels
    assert found.image.abs().max() <= 1
    assert found.queries == never.shown <= 1 + search.rounds * (search.most_candidates + 1)


def test_the_places_that_hurt_most_are_changed():
    """The class's probability falls with the mean over the top row, so only its places are chosen."""

    def score(x):
        return (x[:, :, 0].abs().sum((1, 2)) - IMAGE[:, 0].abs().sum()) / 100 - 1

    search = LocalSearch(pixels=3, rounds=1)
    found = local_search(Watched(score), IMAGE, 0, search, rng())
    rows = (found.image != IMAGE).any(0).nonzero()[:, 0]
    first = torch.randperm(64, generator=rng())[:6]
    in_top = int((first < 8).sum())
    assert int((rows == 0).sum()) == min(search.pixels, in_top)


def test_an_image_that_is_wrong_already_stays():
    watched = Watched(lambda x: x.flatten(1).sum(1) * 0 + 1)
    found = local_search(watched, IMAGE, 0, LocalSearch(), rng())
    assert (found.fooled, found.queries) == (True, 1)
    assert torch.equal(found.image, IMAGE)


def test_a_factor_that_leaves_the_range_is_refused():
    with pytest.raises(UsageError, match=r"factor is 2\.5; it must be"):
        LocalSearch(factor=2.5)
