"""The pool of workers: one process that trains for one explorer, or for all of a server's."""

from __future__ import annotations
