"""The exporter: the training set as files that trainers read, on a volume, with the facts behind every row."""
