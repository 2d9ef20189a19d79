"""Airflow provider for LightlyOne data curation.

Airflow imports this module while it is itself being imported (to read ``provider_info``), so it imports nothing.
"""

__version__ = "0.1.0"
