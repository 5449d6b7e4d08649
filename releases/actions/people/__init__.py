"""Who looks after a project: inviting, answering, taking roles away, leaving, roles of teams."""
