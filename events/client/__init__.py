"""The client: says facts about an assistant's answers, without ever blocking or failing an answer."""
