"""Who plays what, when and for how long: the listeners' lives, habits and taste. What comes out are playbacks
in columns of numbers; Kafka is not known here.
"""
