"""Conversations with LightlyOne, as generators without I/O: what is asked, in which order, and what an answer means."""
