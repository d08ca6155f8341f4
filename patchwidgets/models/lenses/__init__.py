"""Reading a residual stream as if it were the last one: the logit lens and the Jacobian lens.

Examples
--------
What would the model say after each layer? At the last position the answer is rank 37 after layer 0, then first.

>>> lens = exp.clean.lens()
>>> lens
LensResult(logit lens, resid_post of 'teaching model': 4 layers, 1 prompt, answer at rank 37, 1, 1, 1)
>>> table = lens.to_frame().set_index("layer")
>>> table["answer_rank"].astype(int).to_dict()
{0: 37, 1: 1, 2: 1, 3: 1}
>>> table["logit_diff"].astype(float).round(1).to_dict()
{0: 4.8, 1: 5.5, 2: 5.9, 3: 6.6}

The last layer's reading is the model's own output.

>>> abs(float(exp.clean.values["logit_diff"] - table["logit_diff"][3])) < 1e-4
True

The Jacobian lens first maps a stream by what, on average over texts, later layers make of a change in it. It is fitted
once; that of the teaching model comes with the package.

>>> exp.clean.lens(method="jacobian")
LensResult(jacobian lens, resid_post of 'teaching model': 4 layers, 1 prompt, answer at rank 28, 1, 1, 1)

Which of the two reads better depends on the model, and neither is an effect: what a stream seems to say need not be
what later layers read of it. A patch shows that, and its result has a lens in all three runs.

>>> patched = exp.patch("L0.H1").lens().to_frame().set_index(["run", "layer"])
>>> patched["logit_diff"].astype(float).round(1)[[("patched", 0), ("corrupted", 0)]].tolist()
[4.7, -4.6]
"""
