"""What facts add up to: the metric families as declarations, their windowed sums and distinct counts.
Pure: no server is asked.
"""
