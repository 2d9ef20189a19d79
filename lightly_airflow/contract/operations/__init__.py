"""One function an API operation, returning a :class:`Call`, with its :class:`Endpoint` above. One file a resource."""
