"""One command of ``graphbits`` a file: its options, and what it does."""

from __future__ import annotations
