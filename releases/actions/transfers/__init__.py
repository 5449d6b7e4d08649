"""A project goes to somebody else: offered by an owner, accepted by the receiver, carried out after a delay."""
