"""LightlyOne on this machine: its API, a worker and a page to look at."""
