"""Secrets that travel in URLs, taken out of what HTTP libraries log: LightlyOne's token, and signatures of storages."""

from __future__ import annotations

import logging
import re


class HideSecrets(logging.Filter):
    """Takes tokens and signatures out of what the libraries log: they print whole URLs, httpx even at INFO."""

    _LOGGERS = ("httpx", "urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")
    _SECRETS = re.compile(r"((?:token|signature|sig)=)[^&\s\"')]+", re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._SECRETS.sub(r"\1***", record.getMessage()), ()
        return True

    @classmethod
    def install(cls) -> None:
        """Once a process: a second filter would do the same work again."""
        for logger in map(logging.getLogger, cls._LOGGERS):
            if not any(isinstance(one, cls) for one in logger.filters):
                logger.addFilter(cls())
