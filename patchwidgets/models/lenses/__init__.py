"""Reading a residual stream as if it were the last one: the logit lens and the Jacobian lens."""
