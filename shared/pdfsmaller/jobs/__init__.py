"""Jobs: the model, the state machine and the table that every function shares."""
