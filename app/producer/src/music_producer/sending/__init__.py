"""The edge to Kafka and the registry: the records that other folders make are delivered from here, however
often the servers go away, until the process is asked to stop.
"""
