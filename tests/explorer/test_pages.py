"""What Voila is told before it serves; `test_host` asks a server for the pages themselves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from explorer.library import SERVED
from explorer.packaged import notebook
from explorer.pages import LOADED_AGAIN, OUTPUTS_WITHIN_S, Pages


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the environment and the signals be as before."""
    for name in (SERVED, "JUPYTER_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    Pages.clear_instance()


def test_pages_are_in_our_template_and_may_take_their_time() -> None:
    pages = Pages()
    pages.initialize([str(notebook())])
    assert any(path.endswith("voila/templates/graphbits") for path in pages.template_paths)
    assert any(path.endswith("voila/templates/lab") for path in pages.template_paths)
    assert pages.config.VoilaExecutor.iopub_timeout == OUTPUTS_WITHIN_S
    assert pages.voila_configuration.extension_denylist == LOADED_AGAIN
    assert pages.tornado_settings == {"disable_check_xsrf": True}
    assert SERVED in os.environ


def test_another_template_is_asked_for_and_kernels_bring_the_library() -> None:
    pages = Pages()
    asked = (
        "--VoilaConfiguration.template=lab",
        "--VoilaConfiguration.extension_denylist=another",
        "--Voila.tornado_settings=websocket_max_message_size=8",
        "--VoilaExecutor.iopub_timeout=7",
    )
    pages.initialize([str(notebook()), *asked])
    assert not any("graphbits" in os.path.basename(path) for path in pages.template_paths)
    assert pages.config.VoilaExecutor.iopub_timeout == 7
    assert pages.voila_configuration.extension_denylist == ["another"]
    assert set(pages.tornado_settings) == {"disable_check_xsrf", "websocket_max_message_size"}
    assert SERVED not in os.environ
