"""Tests of the doctor: each breaks an installation for real, finds that trouble alone, and cures it."""
