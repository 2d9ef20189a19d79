"""How we speak to LightlyOne: conversations, when to retry, the two drivers, the two transports. No Airflow."""
