"""The log: facts in, exactly once each and safe against power loss; facts out, in order."""
