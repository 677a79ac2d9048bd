"""The public path of the old collector's names: `from rooflog.legacy import TrainingDataCollector`."""

from .client.legacy import TrainingDataCollector

__all__ = ["TrainingDataCollector"]
