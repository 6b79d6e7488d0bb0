"""Where the servers run: what starts, stops and watches them as processes of this machine or as containers,
and whether the machine has what they need.
"""
