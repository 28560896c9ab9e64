"""Errors that nobody asked for: said in the page, and written to the server's log.

ipywidgets hands what a callback raises to the shell, which sends it where Voila and JupyterLab show
nothing; what the event loop calls ends in its handler. Both are listened to here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import traitlets.log
from IPython import get_ipython

Say = Callable[[str], None]

_sayers: list[Say] = []


def watch(say: Say) -> Callable[[], None]:
    """Have a function called with a sentence for each error from now on.

    Returns:
        What ends it.
    """
    if not _sayers:
        _hook()
    _sayers.append(say)

    def end() -> None:
        if say in _sayers:
            _sayers.remove(say)

    return end


def guarded(act: Callable[..., object], *arguments: Any) -> None:
    """Call a function; where an event loop runs, an error goes to its handler instead of up."""
    try:
        act(*arguments)
    except Exception as error:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise error from None
        loop.call_exception_handler({"message": "The page could not follow", "exception": error})


def sentence(error: BaseException) -> str:
    """Return what a page says of an error; its text may tell of the server, so that is left out."""
    return (
        f"Something here did not work ({type(error).__name__}), and what you see may be out of "
        "date. All else goes on; the server's log says more."
    )


def _hook() -> None:
    shell: Any = get_ipython()
    if shell is not None and not hasattr(shell.showtraceback, "before_graphbits"):
        shell.showtraceback = _showing(shell)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    handler = loop.get_exception_handler()
    if not hasattr(handler, "before_graphbits"):
        loop.set_exception_handler(_handling(handler))


def _showing(shell: Any) -> Callable[..., None]:
    before = shell.showtraceback

    def show(*arguments: Any, **more: Any) -> None:
        """Show a traceback as before, and say so if no cell but a widget's message led to it."""
        error = sys.exc_info()[1]
        before(*arguments, **more)
        header = getattr(shell, "parent_header", {}).get("header", {})
        if error is not None and header.get("msg_type") == "comm_msg":
            _report(error)

    show.before_graphbits = before  # type: ignore[attr-defined]
    return show


def _handling(before: Any) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and _is_ours(error):
            _report(error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    handle.before_graphbits = before  # type: ignore[attr-defined]
    return handle


def _is_ours(error: BaseException) -> bool:
    trace, home = error.__traceback__, __name__.partition(".")[0]
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == home:
            return True
        trace = trace.tb_next
    return False


def _report(error: BaseException) -> None:
    traitlets.log.get_logger().error("A callback of the page failed", exc_info=error)
    for say in tuple(_sayers):
        say(sentence(error))
