"""From the records of a batch to its one transaction: what belongs into it, and what is refused."""
