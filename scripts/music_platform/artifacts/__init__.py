"""What is shipped to a target: the jars and wheels it consists of, how they are fetched and built, and the
manifest that says which component has which of them.
"""
