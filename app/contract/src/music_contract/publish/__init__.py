"""Carrying the contract to a broker and a registry; needs the extra ``publish``."""
