"""Methods that fine-tune a generator of replies on a teacher's replies and its own."""
