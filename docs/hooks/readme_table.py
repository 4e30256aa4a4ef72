"""Write the README's table of methods from the recipes and methods: ``python docs/hooks/readme_table.py``."""

from __future__ import annotations

import re
from pathlib import Path

from recipe_tables import readme_table

README = Path(__file__).resolve().parents[2] / "README.md"
TABLE = re.compile(r"^\| Method \| Recipe \|.*?(?=\n\n)", flags=re.MULTILINE | re.DOTALL)


def with_table(text: str) -> str:
    """The README with its table as it should be."""
    made, times = TABLE.subn(lambda _: readme_table(), text)
    if times != 1:
        raise SystemExit(
            f"{README} has {times} tables that begin with '| Method | Recipe |', not 1."
        )
    return made


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
