"""Letters about projects, queued inside the transaction of the act they tell of; a module per kind of act."""
