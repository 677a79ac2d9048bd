"""Verdicts: the evidence on each example, the judgement that a policy makes of it, and what pages count."""
