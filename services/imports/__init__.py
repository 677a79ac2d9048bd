"""Bringing over what people have: the old store, chat logs and traces. The same facts however often they are read."""

from __future__ import annotations

from .importer import import_files
from .preview import Preview
from .registry import FORMATS, described, known
from .report import Problem, Report

__all__ = ["FORMATS", "Preview", "Problem", "Report", "described", "import_files", "known"]
