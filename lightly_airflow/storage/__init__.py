"""What buckets say: where a datasource lies, what is in it, and what its credentials may do there. No Airflow."""
