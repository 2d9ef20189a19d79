"""What Airflow discovers about this package.

Airflow calls :func:`get_provider_info` inside ``import airflow``: a raise here would break the whole deployment, so this
module imports nothing but the version and only returns a literal.
"""

from __future__ import annotations

from typing import Any

from lightly_airflow import __version__

_INTEGRATION = "LightlyOne"


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, as Airflow's provider_info.schema.json wants it: connection type and form, links, modules."""
    return {
        "package-name": "lightly-airflow",
        "name": _INTEGRATION,
        "description": "Curate image and video datasets with LightlyOne.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": _INTEGRATION, "external-doc-url": "https://docs.lightly.ai/", "tags": ["service"]}
        ],
        "operators": [{"integration-name": _INTEGRATION, "python-modules": ["lightly_airflow.operators"]}],
        "sensors": [{"integration-name": _INTEGRATION, "python-modules": ["lightly_airflow.sensors"]}],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": ["lightly_airflow.triggers.run"]}],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": ["lightly_airflow.hooks"]}],
        "extra-links": ["lightly_airflow.links.LightlyRunLink"],
        "connection-types": [
            {
                "connection-type": "lightly",
                "hook-name": _INTEGRATION,
                "hook-class-name": "lightly_airflow.hooks.lightly.LightlyHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "schema", "port"],
                    "relabeling": {"password": "API token", "host": "API address"},
                    "placeholders": {"host": "https://api.lightly.ai"},
                },
                "conn-fields": _CONN_FIELDS,
            }
        ],
    }


_CONN_FIELDS: dict[str, Any] = {
    "app_url": {
        "label": "Web app's address",
        "description": "Where links lead. Default: https://app.lightly.ai, or the API address if that is not LightlyOne's own.",
        "schema": {"type": ["string", "null"]},
    },
    "verify": {
        "label": "Verify TLS certificates",
        "description": "Switch off only for tests.",
        "schema": {"type": ["boolean", "null"], "default": True},
    },
    "ca_bundle": {
        "label": "CA bundle",
        "description": "Path of a file with the certificates to trust, on workers and triggerers.",
        "schema": {"type": ["string", "null"]},
    },
    "proxy": {
        "label": "Proxy",
        "description": "URL of an HTTP proxy, such as http://proxy:3128.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "timeout": {
        "label": "Timeout in seconds",
        "description": "For connecting, and for each read. Default: 60.",
        "schema": {"type": ["number", "null"], "minimum": 1},
    },
}
