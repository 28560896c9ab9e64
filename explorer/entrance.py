"""Who is let into a published folder that has a token: whoever knows it."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.utils import url_path_join
from tornado.escape import url_escape
from tornado.template import Template


class Entrance(IdentityProvider):
    """Asks for the token, and for nothing else.

    Voila's own lets whoever knows the token set a password in its place, which the server would
    write into a file; and it asks for it at ``/login`` even where the page lies under a path.
    """

    @property
    def auth_enabled(self) -> bool:
        """Whether there is a token."""
        return bool(self.token)

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return where the token is asked for, if it is."""
        base: str = getattr(self.parent, "base_url", "/")
        return [(url_path_join(base, "/login"), Login)] if self.auth_enabled else []

    def process_login_form(self, handler: Any) -> User | None:
        """Return a visitor who typed the token, None who typed something else."""
        typed: str = handler.get_body_argument("password", "")
        if self.auth_enabled and not secrets.compare_digest(typed.encode(), self.token.encode()):
            return None
        return self.generate_anonymous_user(handler)

    def set_login_cookie(self, handler: Any, user: User) -> None:
        """Set the cookie of one who was let in, for TLS alone where the proxy says it is spoken."""
        if handler.request.headers.get("X-Forwarded-Proto") == "https":
            handler.request.protocol = "https"
        super().set_login_cookie(handler, user)


class Login(LoginFormHandler):
    """The page that asks for the token."""

    def _render(self, message: Any = None) -> None:
        """Write the page, with what was wrong with what was typed, if anything."""
        there = url_escape(self.get_argument("next", self.base_url))
        action = f"{url_path_join(self.base_url, '/login')}?next={there}"
        fault = "This is not the token." if message else ""
        self.finish(_page().generate(action=action, fault=fault))


@cache
def _page() -> Template:
    return Template(Path(__file__).with_name("entrance.html").read_text(encoding="utf-8"))
