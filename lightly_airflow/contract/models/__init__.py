"""Bodies of requests and answers, one file a resource. Requests forbid unknown members; answers allow them."""
