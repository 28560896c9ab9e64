"""Who is let in: whoever knows the token, and everybody where there is none."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from traitlets.config import Application

from explorer.entrance import Entrance


def entered(token: str, typed: str) -> bool:
    """Return whether one who typed something is let in."""
    form = {"password": typed, "new_password": "mine"}
    handler = SimpleNamespace(get_body_argument=form.get, log=logging.getLogger())
    return Entrance(token=token).process_login_form(handler) is not None


@pytest.mark.parametrize("typed", ["", "secre", "secrets", "SECRET", "ſecret", "\0", "x" * 10**6])
def test_only_the_token_lets_in(typed: str) -> None:
    assert entered("secret", "secret")
    assert not entered("secret", typed)


def test_without_a_token_nothing_is_asked() -> None:
    assert not Entrance(token="").auth_enabled
    assert Entrance(token="").get_handlers() == []
    assert entered("", "anything")


def test_the_token_is_asked_for_under_the_path_of_the_page() -> None:
    class Under(Application):
        base_url = "/graphs/"

    (where, _), *others = Entrance(token="secret", parent=Under()).get_handlers()
    assert where == "/graphs/login"
    assert others == []
