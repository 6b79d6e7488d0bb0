"""One platform, whether it runs or not: what was set for it, where its things are, what Terraform has applied
for it, and what it says of itself once it runs.
"""
