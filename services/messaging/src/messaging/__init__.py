"""The messaging building block: messages to people, accepted at once, sent in the background."""
