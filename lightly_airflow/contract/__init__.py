"""What LightlyOne says on the wire: models, endpoints, run states, errors. Pure: no I/O, no Airflow, no clock."""
