"""Faults: an installation of real processes under load, one thing that goes wrong, and what is left of its promises.

`make faults` plays every fault with 20 seeds and shows what survived as a table.
"""
