"""The tasks by name."""

from __future__ import annotations

from seqgan_kit.data.catworld.tasks.answer import Answer
from seqgan_kit.data.catworld.tasks.describe import Describe
from seqgan_kit.data.catworld.tasks.entail import Entail
from seqgan_kit.data.catworld.tasks.translate import Translate
from seqgan_kit.data.catworld.tasks.world_task import Task
from seqgan_kit.errors import unknown

TASKS: dict[str, Task] = {task.name: task for task in (Describe(), Answer(), Translate(), Entail())}
PREFIX = "catworld:"
"""What the name of a task begins with where a text is chosen."""


def is_task(text: str) -> bool:
    """Return whether the name of a text is one of a task."""
    return text.startswith(PREFIX)


def task_of(text: str) -> Task:
    """Return the task of a name such as ``catworld:translate``, or raise UsageError."""
    name = text.removeprefix(PREFIX)
    if name not in TASKS:
        raise unknown("task of the cat world", name, TASKS)
    return TASKS[name]
