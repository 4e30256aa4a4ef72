import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def corpora() -> Path:
    """Real corpora for development; absent on most machines."""
    folder = Path(os.environ.get("SEQGAN_KIT_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("no SEQGAN_KIT_CORPORA")
    return folder
