"""What a record of Kafka says: the contract as columns, the fast way to read many at once, and what each
record is. Pure: no server is asked.
"""
