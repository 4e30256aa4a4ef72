"""Codes as lines of text: written, read again, refused; and joined with a text model by the command."""

from pathlib import Path

import pytest
import torch

from image_gans.evaluation.code_rows import read_code_rows, write_code_rows
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import ImageParts, save_image_parts
from image_gans.networks.translators.quantised_networks import (
    CodeMapConfig,
    MapDecoder,
    MapEncoder,
)
from image_gans.networks.translators.unet import UNet, UNetConfig
from image_gans.networks.translators.vector_quantiser import QuantiserConfig, VectorQuantiser
from seqgan_kit.cli.main import main
from seqgan_kit.errors import DataError
from seqgan_kit.face.loading import load

TEXT_RUN = Path(__file__).parents[2] / "saved_models" / "text"
SHAPE = CodeMapConfig(16, 3, dimensions=2, width=4, blocks=1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    parts = {
        "encoder": MapEncoder(SHAPE).eval(),
        "quantiser": VectorQuantiser(QuantiserConfig(codes=6, dimensions=2)).eval(),
        "generator": MapDecoder(SHAPE).eval(),
    }
    save_image_parts(tmp_path / "run" / "model", parts, ("rebuild", "decode"))
    return tmp_path / "run"


def test_codes_are_read_as_they_were_written(tmp_path: Path) -> None:
    codes = torch.randint(6, (5, 4, 4), generator=torch.Generator().manual_seed(0))
    write_code_rows(codes, tmp_path / "codes" / "train.txt")
    lines = (tmp_path / "codes" / "train.txt").read_text().splitlines()
    assert len(lines) == 5
    found, refused = read_code_rows(lines, 4, 6)
    assert torch.equal(found, codes)
    assert refused == []


@pytest.mark.parametrize(
    "line", ["", "1 2 3", "0 1 2 6", "0 1 2 <unk>", "0 1 2 -1", "0 1 2 \u0663"]
)
def test_a_line_that_is_no_map_of_codes_is_refused(line: str) -> None:
    found, refused = read_code_rows([line, "0 1 2 5"], 2, 6)
    assert found.tolist() == [[[0, 1], [2, 5]]]
    assert refused == [line]


def test_rebuilding_is_decoding_the_codes_of_an_image(run: Path) -> None:
    model, x = load_image_model(run), torch.rand(3, 3, 16, 16) * 2 - 1
    assert isinstance(model, ImageParts)
    with torch.no_grad():
        codes = model.parts["quantiser"](model.parts["encoder"](x)).codes
    lines = [" ".join(map(str, row)) for row in codes.flatten(1).tolist()]
    images, refused = model.decode([*lines, "7 7"])
    assert refused == ["7 7"]
    assert torch.allclose(images, model.rebuild(x), atol=1e-6)
    with pytest.raises(DataError, match="none of the 1 lines is a map of codes, such as 'a cat'"):
        model.decode(["a cat"])
    from_python = load(run)
    assert from_python.decode(lines).shape == (3, 16, 16, 3)  # type: ignore[union-attr]
    with pytest.raises(
        DataError, match="1 of 4 lines are no rows of codes, the first of them '7 7'"
    ):
        from_python.decode([*lines, "7 7"])  # type: ignore[union-attr]


def test_a_prior_that_writes_no_codes_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", str(run), "--prior", str(TEXT_RUN)]) == 2
    assert "rows of the text run are maps of codes" in capsys.readouterr().err
    assert main(["sample", str(run)]) == 2
    assert f"run mle --text {run / 'codes'}'" in capsys.readouterr().err
    assert main(["sample", str(run), "--prior", str(run)]) == 2
    assert "give a text run trained on codes" in capsys.readouterr().err
    assert main(["sample", str(run), "--prior", str(TEXT_RUN), "--condition", "coat=white"]) == 2
    assert "have no meaning" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["translator", "text"])
def test_a_model_without_codes_takes_no_prior(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    network = {"generator": UNet(UNetConfig(16, 3, width=2))}
    save_image_parts(tmp_path / "model", network, ("translate",))
    folder = tmp_path if kind == "translator" else TEXT_RUN
    assert main(["sample", str(folder), "--prior", str(TEXT_RUN)]) == 2
    wanted = {"translator": "cannot decode; it can translate", "text": "decodes no codes"}
    assert wanted[kind] in capsys.readouterr().err
