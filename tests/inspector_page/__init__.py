"""The page of the inspector in a real browser, with the real engine behind it."""
