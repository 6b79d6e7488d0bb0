"""The edge to Kafka and its registry: where a run begins, the stream, and records read a second time."""
