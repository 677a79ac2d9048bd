"""What reviewers and operators do, as facts: made once for the command line, the web and the demo."""
