"""Pages about the people of a project, and about the invitations one has."""
