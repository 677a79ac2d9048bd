"""The policy: filters, thresholds, lexicon and system text as one document, and the words it is made of."""
