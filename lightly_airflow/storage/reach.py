"""What a datasource does not say about how its storage is reached."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach a storage, where the datasource itself does not say.

    :param endpoint: URL of a store that is not the cloud's own; default: what the cloud's own tools read from the
        environment.
    :param verify: whether TLS certificates are verified, or the path of a file with authorities that are trusted besides
        those of this machine.
    :param session: credentials that stand in for the datasource's, such as those of an assumed role; hidden from ``repr``.
    """

    endpoint: str | None = None
    verify: bool | str = True
    session: dict[str, str] = field(default_factory=dict, repr=False)


HERE = Reach()
