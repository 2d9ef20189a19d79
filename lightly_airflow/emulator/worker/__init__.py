"""LightlyOne's worker for image datasets: takes scheduled runs, looks at buckets, selects, writes the results."""
