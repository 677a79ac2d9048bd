"""What texts say, whatever the policy: relevance, tags, personal data, near-duplicates, contradictions."""
