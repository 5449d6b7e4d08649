"""What becomes of projects, releases and files after they were published; a module per act."""
