"""What there is before anyone listens, drawn from the seed: places, songs and listeners, and their records.
Also what the other folders draw and write with: chance, dates, ids and columns of text.
"""
