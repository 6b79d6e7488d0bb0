"""What becomes of playbacks on their way to Kafka: what goes wrong with them, the bytes of their records, and
the ground truth of what went in.
"""
