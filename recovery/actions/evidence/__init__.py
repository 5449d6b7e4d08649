"""What a claimant offers to show that the account is theirs. Each kind answers "received", and nothing else.

No answer, no time taken and no later page depends on whether something was right: an impostor would learn what to
get next. Verdicts are for the rules and the desk.
"""
