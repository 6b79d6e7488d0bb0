"""What a person sees and answers while a command works: steps, waiting, tables, questions."""
