"""Errors of requests as sentences on the page."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any

from seqgan_kit.errors import SeqganKitError, system_problem

_SECONDS = 12


def told(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with errors shown on the page, as sentences; a bug's traceback goes to stderr."""

    @functools.wraps(answer)
    def asked(*given: Any) -> Any:
        try:
            return answer(*given)
        except SeqganKitError as error:
            problem = str(error)
        except OSError as error:  # such as a full disk
            problem = system_problem(error)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            problem = (
                f"this request failed by a bug ({type(error).__name__}); its traceback is in the "
                "terminal. Try other settings."
            )
        import gradio as gr

        raise gr.Error(
            problem[:1].upper() + problem[1:], duration=_SECONDS, print_exception=False
        ) from None

    return asked
