"""Images that a CSV file lists, with labels in its columns."""

import pytest
from PIL import Image

from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.errors import DataError


@pytest.fixture
def listed(tmp_path):
    """A function that writes a CSV file of the lines beside eight images."""
    for i in range(8):
        Image.new("RGB", (6, 6), (30 * i, 10, 200)).save(tmp_path / f"{i}.png")

    def write(lines, name="list.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return ImageData(str(path), size=8, test_share=0.25)

    return write


def lines(separator=","):
    rows = [(f"{i}.png", "cat" if i % 2 else "dog", "yes" if i < 4 else "") for i in range(8)]
    return [separator.join(row) for row in [("file_name", "kind", "young"), *rows]]


@pytest.mark.parametrize(("separator", "name"), [(",", "list.csv"), ("\t", "list.tsv")])
def test_columns_are_labels_and_cells_without_text_are_none(listed, separator, name):
    corpus = load_images(listed(lines(separator), name))
    assert corpus.label_names == {"kind": ("cat", "dog"), "young": ("yes",)}
    assert len(corpus.train) + len(corpus.test) == 8
    red = corpus.train[:, 0, 0, 0] // 30
    assert corpus.train_labels["kind"].tolist() == [1 - int(i) % 2 for i in red]
    assert corpus.train_labels["young"].tolist() == [0 if i < 4 else -1 for i in red]


def test_other_labels_in_the_same_file_are_read_anew(listed):
    """Decoded images are cached by what they depend on, labels included."""
    first = load_images(listed(lines())).label_names
    changed = [line.replace("dog", "fox") for line in lines()]
    assert load_images(listed(changed)).label_names != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (["file_name,kind"], "lists no images"),
        (["name,kind", "0.png,cat"], "has no column of file names"),
        (["file_name,kind", "0.png,cat", "9.png,dog"], "names 1 images that are not there"),
        (["file_name,kind", "0.png,cat,more"], "line 2 has another number of columns"),
    ],
)
def test_mistakes_end_in_a_sentence(listed, text, message):
    with pytest.raises(DataError, match=message):
        load_images(listed(text))


def test_a_column_of_file_names_can_be_chosen(listed, tmp_path):
    listed(["name,kind", *(f"{i}.png,{'ab'[i % 2]}" for i in range(8))])
    data = ImageData(str(tmp_path / "list.csv"), size=8, column="name")
    assert load_images(data).label_names == {"kind": ("a", "b")}
    with pytest.raises(DataError, match="has no column 'nam'"):
        load_images(ImageData(str(tmp_path / "list.csv"), size=8, column="nam"))
