"""What was applied, to which subject, from which snapshot: the decision, and the stores."""
