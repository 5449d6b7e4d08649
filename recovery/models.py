"""Getting back in: cases, evidence, decisions, holds. Nothing is built here yet."""
