"""The stream job: reads all topics, validates, and commits facts, dimensions and metrics to PostgreSQL exactly once.

One batch flows through the modules in this order: source (Kafka, parse) -> triage (what each record is) -> batch (one
transaction: dimensions, facts, metrics, dead letters, positions). families declares the metrics, aggregation computes them.
"""
