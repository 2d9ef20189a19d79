"""One file a kind of storage: how its stores are opened, named in messages, and what their refusals mean."""
