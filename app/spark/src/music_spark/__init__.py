"""The stream job: from all topics to facts, dimensions and metrics in PostgreSQL, exactly once.

One batch flows through the modules in this order: source (Kafka, parse), triage (what each record is), batch
(one transaction: dimensions, facts, metrics, dead letters, positions). families declares the metrics,
aggregation computes them.
"""
