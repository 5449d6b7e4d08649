"""Drafts, from the first request to their end; a module per step of the way.

Every act finds the draft, locks the row of its project, reads the draft again and asks the policy again: whoever
comes second sees what whoever came first has done.
"""
