"""The demo: a nightly curation on this machine, with a real Airflow, a real S3 server and the emulator. No account needed."""
