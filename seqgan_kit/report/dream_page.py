"""dream.html and dream.json: captions of a text model, each with the image that an image model painted."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.report.tables import score_table
from seqgan_kit.report.templates import render_page, write_page


def write_dream(folder: Path, record: Mapping[str, Any], text_run: str, image_run: str) -> Path:
    """Write captions.txt, dream.json and dream.html; return the page's path.

    Args:
        folder: folder with the images.
        record: ``pictures``, each with ``file``, ``caption`` and ``facts``, and ``scores`` if there are any.
        text_run, image_run: names of the runs.
    """
    about = {"kind": "dream", "text_run": text_run, "image_run": image_run, **record}
    lines = "".join(f"{picture['caption']}\n" for picture in record["pictures"])
    write_whole(folder / "captions.txt", lines.encode())
    write_whole(folder / "dream.json", (json.dumps(about, indent=2) + "\n").encode())
    scores = record.get("scores")
    page = render_page(
        "dream.html.j2",
        title="Dream",
        lead=f"Captions written by {text_run}, images painted by {image_run}.",
        pictures=[_shown(folder, picture) for picture in record["pictures"]],
        table=None if scores is None else score_table(scores),
    )
    return write_page(folder / "dream.html", page)


def _shown(folder: Path, picture: Mapping[str, Any]) -> dict[str, Any]:
    """Return a picture with its image as a data URI, and its facts split by whether they are shown."""
    content = base64.b64encode((folder / picture["file"]).read_bytes()).decode()
    facts = picture["facts"]
    return {
        "caption": picture["caption"],
        "image": f"data:image/png;base64,{content}",
        "valid": facts is not None,
        "facts": [
            {
                **fact,
                "right": fact["told"] == fact["shown"],
                "label": fact["label"].replace("_", " "),
            }
            for fact in facts or ()
        ],
    }
