"""Tokenizers of SMILES and ABC notation: whole tokens, and lines that come back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_kit.data.sources.notation_rows import molecule_rows, tune_rows
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.notations import NOTATIONS, split_notation
from seqgan_kit.data.text.tokenizer import UNK
from seqgan_kit.data.text.tokenizers import load_tokenizer, train_tokenizer
from seqgan_kit.errors import DataError, UsageError

MOLECULES = {
    "CCO": ["C", "C", "O"],
    "Clc1ccc(Br)cc1": ["Cl", "c", "1", "c", "c", "c", "(", "Br", ")", "c", "c", "1"],
    "c1c[nH]cc1": ["c", "1", "c", "[nH]", "c", "c", "1"],
    "C[C@@H](N)C(=O)[O-]": ["C", "[C@@H]", "(", "N", ")", "C", "(", "=", "O", ")", "[O-]"],
    "C%12CC%12": ["C", "%12", "C", "C", "%12"],
    "C%(123)CC": ["C", "%(123)", "C", "C"],
    "F/C=C\\F.[13CH4]": ["F", "/", "C", "=", "C", "\\", "F", ".", "[13CH4]"],
    "B1OC1[": ["B", "1", "O", "C", "1", "["],
}
TUNES = {
    '[M:6/8][K:D]"D"def': ["[M:6/8]", "[K:D]", '"D"', "d", "e", "f"],
    "^c'3/2 __B,,/2 =F//": ["^c'3/2", " ", "__B,,/2", " ", "=F//"],
    "A3/2B/>c2z4": ["A3/2", "B/", ">", "c2", "z4"],
    "|:A|B||C|]D:|E::F:||:G": [
        *("|:", "A", "|", "B", "||", "C", "|]", "D", ":|", "E", "::", "F", ":||:", "G"),
    ],
    "|1 d2:|2 c2|[1 e": ["|1", " ", "d2", ":|2", " ", "c2", "|", "[1", " ", "e"],
    "(3abc (3:2:2de [CEG]2 -~": [
        *("(3", "a", "b", "c", " ", "(3:2:2", "d", "e", " ", "[", "C", "E", "G", "]", "2"),
        *(" ", "-", "~"),
    ],
    "!trill!d{ga}": ["!trill!", "d", "{", "g", "a", "}"],
}


@pytest.mark.parametrize(("line", "tokens"), MOLECULES.items())
def test_atoms_and_ring_numbers_stay_whole(line, tokens):
    assert split_notation("smiles", line) == tokens


@pytest.mark.parametrize(("line", "tokens"), TUNES.items())
def test_notes_bars_chords_and_fields_stay_whole(line, tokens):
    assert split_notation("abc", line) == tokens


@pytest.mark.parametrize("kind", NOTATIONS)
@given(line=st.text() | st.text("[]()%12CclBr|:\"^_=,'/!{}< "))
def test_no_character_of_any_line_is_lost(kind, line):
    assert "".join(split_notation(kind, line)) == line


@pytest.mark.parametrize(("kind", "lines"), [("smiles", MOLECULES), ("abc", TUNES)])
def test_a_saved_tokenizer_is_the_same(kind, lines, tmp_path):
    tokenizer = train_tokenizer(kind, list(lines))
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert [again.decode(again.encode(line)) for line in lines] == list(lines)
    assert again.encode("q") == [UNK]
    assert again.to_dict() == tokenizer.to_dict()


def test_lower_case_is_refused():
    with pytest.raises(UsageError, match="changes what smiles notation says"):
        train_tokenizer("smiles", ["CCO"], lowercase=True)


def test_a_damaged_vocabulary_is_refused():
    with pytest.raises(DataError, match="1 duplicate tokens"):
        load_tokenizer({"kind": "smiles", "tokens": ["C", "C"]})


def test_the_name_of_a_molecule_is_no_part_of_it():
    assert list(molecule_rows(["CCO ethanol", "", "C\tmethane"])) == ["CCO", "", "C"]


HEAD = "%abc-2.1\nM:3/4\n"
TWO = """X:1
T:A tune of our own % and a comment
M:4/4
L:1/8
K:G
P:A
GABc d2d2|\\
w:words are dropped
K:G
K:D
d2A2 F2D2 %end
E2F2 G4|
d4:|

X:2
K:Am
A,2
"""


def test_a_tune_lies_on_one_line():
    """Titles, lyrics, comments and a key that changes nothing are gone; lines join at a bar or a space."""
    assert list(tune_rows((HEAD + "\n" + TWO).split("\n"))) == [
        "[M:4/4][L:1/8][K:G]GABc d2d2|[K:D]d2A2 F2D2 E2F2 G4|d4:|",
        "[K:Am]A,2",
    ]
    assert list(tune_rows(["[K:D]DEF|", "[K:A]ABc|"])) == ["[K:D]DEF|", "[K:A]ABc|"]


@pytest.mark.parametrize("streaming", [False, True])
def test_tunes_are_read_from_a_folder(tmp_path, streaming):
    for split in ("train", "test"):
        (tmp_path / f"{split}.abc").write_text(TWO, encoding="utf-8")
    cfg = TextData(
        text=str(tmp_path), tokenizer="abc", valid_share=0, streaming=streaming, max_tokens=40
    )
    corpus = load_text(cfg)
    assert corpus.test_lines[1] == "[K:Am]A,2"
    assert corpus.account.splits["train"].read == 2
    assert corpus.account.splits["train"].unknown_tokens == 0


def test_molecules_are_read_with_their_own_tokenizer(tmp_path):
    (tmp_path / "mine.smi").write_text("\n".join(f"{m} name" for m in MOLECULES), encoding="utf-8")
    cfg = TextData(text=str(tmp_path / "mine.smi"), tokenizer="smiles", valid_share=0, test_share=0)
    corpus = load_text(cfg)
    assert corpus.train_lines == list(MOLECULES)
    assert [corpus.tokenizer.decode(row) for row in corpus.train.tolist()] == list(MOLECULES)
    with pytest.raises(DataError, match="plain text, a line each, and has no columns"):
        load_text(TextData(text=str(tmp_path / "mine.smi"), tokenizer="smiles", column="smiles"))


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("smiles", ("molecules/zinc-train.smi", "molecules/qm9-5k.smi")),
        ("abc", ("music/train.abc",)),
    ],
)
def test_real_corpora_come_back_exactly(kind, files, corpora):
    read = {"smiles": molecule_rows, "abc": tune_rows}[kind]
    for file in files:
        text = (corpora / file).read_text(encoding="utf-8")
        lines = list(read(text.split("\n")))
        tokenizer = train_tokenizer(kind, lines)
        assert all(tokenizer.decode(tokenizer.encode(line)) == line for line in lines)
