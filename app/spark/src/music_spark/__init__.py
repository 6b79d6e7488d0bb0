"""The stream job: from all topics to facts, dimensions and metrics in PostgreSQL, exactly once.

One batch flows through these packages in this order: reading (from Kafka), records (parse, and what each
record is), batches (one transaction), within it aggregation (what the new facts add up to) and warehouse
(dimensions, facts, metrics, dead letters, positions). followers run beside it; job starts all of it. Each
package uses only those behind it: followers, batches, reading, warehouse, aggregation, records.
"""
