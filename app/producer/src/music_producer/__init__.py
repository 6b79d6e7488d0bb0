"""Makes listeners, a catalogue and their playbacks from a seed, and delivers them to Kafka without loss."""
