"""One class and one file for each operator."""

from __future__ import annotations
