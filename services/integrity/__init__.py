"""Integrity: verification, audit, erasure, backup."""
