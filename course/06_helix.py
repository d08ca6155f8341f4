# %% [markdown]
# # 6 · The helix
#
# Ask a language model for `36+28=`. It has no register in which to carry a ten, only vectors. Kantamneni and Tegmark,
# *Language Models Use Trigonometry to Do Addition* (2025), found that GPT-J, Pythia and Llama 3 hold a number as a
# **helix**: points on circles of periods 2, 5, 10 and 100, and a linear part. **In which form does a model hold a
# number, and does it use that form?**
#
# In this lecture you will follow their chain of evidence on the teaching model: where the numbers are, which waves
# they are made of, what happens if only these waves are left, and which parts of the model turn two numbers into a
# sum. It takes 90 minutes.
#
# Keep one thing in mind: **the helix was put here.** This model was trained on sums modulo 2, 5 and 10 as well as on
# plain sums, so it had a reason to learn such periods. (In an earlier trial without them the vectors of numbers were
# nearly a line, as the model's README says. But period 100 has no such sum behind it, and 10 has one: look what becomes
# of both.) The question is not *whether* there is a helix, but *what it does*.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 10 minutes for where, 15 for waves and fits, 35 for "Does the model use it?" (20 of them on
# > exercises 2 to 4 and the widget), 10 for `b` and the other metric, 20 for the sum. Ask for a show of hands at each
# > prediction. What goes wrong most often: people take a good R² for use; they take a share for right answers; and in
# > exercise 2 they name the period (2) in place of the distance. Draw the last digits 0 to 9 as a table, odd and even
# > against the remainder by 5: each digit has its own place, and period 10 is not needed. If time is short, stop before
# > "Heads". On the luckiest of five splits of the numbers, 94.5% are right with period 2.5: say why splits are
# > repeated.

# %%
import numpy as np
import pandas as pd

import patchwidgets as pw

helix = pw.helix
model = pw.load()
model

# %% [markdown]
# ## Right answers
#
# The prompts come from the test data: the model was never trained on these pairs of numbers, in either order. In
# `first` the corrupted prompt has another first number, in `second` another second one.

# %%
metrics = ["answer_logit", "logit_diff"]
first = pw.Experiment(model, pw.tasks.addition(200, part="test"), metrics)
second = pw.Experiment(model, pw.tasks.addition(200, part="test", varies="b"), metrics)
check = pw.course.Helix(first)
for name, exp in {"first": first, "second": second}.items():
    pair = exp.task[0]
    print(
        f"{name:6}  {pair.clean}{pair.answer}   corrupted {pair.corrupted}{pair.foil}   "
        f"{helix.answer_errors(exp).accuracy:.0%} of {len(exp.pairs)} right"
    )
print(
    f"answer_logit of first: clean {first.clean.value:+.1f}, corrupted {first.corrupted.value:+.1f}"
)

# %% [markdown]
# The paper's metric is `answer_logit`, the logit of the right answer alone, and so is ours. `logit_diff`, which also
# counts how far the foil falls, comes along for comparison.
#
# ## Where are the numbers?
#
# **Predict.** In `first` only `a` differs. Put the clean residual stream back at one token, before layer 0. At which
# of the tokens `a`, `+`, `b`, `=` will the answer come back? And before layer 1? Write both down.
#
# **Look:** the widget below has patched `L0.resid_pre@a`. Press `/`, type `L1.resid_pre@a`, and Enter; then
# `L1.resid_pre@b`, and `L1.resid_pre@end`.

# %%
w = first.explore("L0.resid_pre@a")
w

# %%
where = [exp.sweep("resid_pre", over=("layer", "pos"), progress=False) for exp in (first, second)]
fig = pw.plot.heatmaps(where, titles=["a differs", "b differs"], quantity="share", annotate=True)

# %% [markdown]
# (The position at which the prompts differ is named in orange.)
#
# **Exercise 1.** In `first`: before which layer, for the first time, is the last token alone enough to bring
# everything back?

# %% tags=["exercise"]
answer = ...
check.alone(answer)

# %% tags=["solution"]
answer = 2
check.alone(answer)

# %%
for layer in range(3):
    shares = [first.patch(f"L{layer}.resid_pre@{at}").share for at in ("a", "b", "end")]
    print(f"before layer {layer}:   a {shares[0]:z.3f}   b {shares[1]:z.3f}   end {shares[2]:z.3f}")
jointly = first.patch("L1.resid_pre@b", "L1.resid_pre@end").share
print(f"before layer 1, b and end jointly: {jointly:.3f}")

# %% [markdown]
# Before layer 0 all of it is at `a`, 1.000. Before layer 1 nothing is there any more: .670 is at the last token, and
# .185 at `b`, which stands after `a` and can read it. (The two shares do not add up to 1; jointly they bring back
# 1.000.) Remember what is at `b`; it comes back below.
#
# ## Which waves?
#
# Take the vector of each number from 0 to 99 as it enters layer 0. Each of its 128 dimensions is a curve over the
# numbers, and each curve is a sum of waves. A vector without any order would have the same power at every period; a
# straight line would have nearly all of it at the longest ones.
#
# **Predict.** Which periods will be strong? The helix of the paper has 2, 5, 10 and 100.

# %%
site = "L0.resid_pre"
numbers = helix.NUMBERS
activations = helix.number_activations(model, site)
found = helix.number_spectrum(model, site, numbers)
ax = pw.plot.spectrum(found, k=6)
for period, power in found.strongest(6):
    print(f"period {period:5.3g}   {power:.3f} of the variance")
print(f"period    10   {found.power[9]:.3f} of the variance")

# %% [markdown]
# Periods 100, 5 and 2 are strong. So are 2.5 and 50, which are not in the paper's helix. Period 10, which is, has
# .004 of the variance.
#
# ## Fit the helix
#
# Fit a linear map from the cosine and sine of each period, and from the number itself, to the vector. These are eight
# features: the sine of period 2 is 0 at every whole number. With so many features, a fit to all numbers looks better
# than it is. So each fit sees 80 numbers and is judged on the other 20; and because one split may be lucky, this is
# done for 20 splits.

# %%
splits = helix.compare_splits(numbers, activations)
print(splits.round(3).replace(-0.0, 0.0).to_string())

# %% [markdown]
# The helix explains .756 of the variance of numbers that it has not seen, and in none of the 20 splits less than .724.
# The line explains .192. Of the controls:
#
# - **random periods** is the best of 100 sets of four random periods with a line, chosen *on the held-out numbers
#   themselves*. It reaches .621.
# - **circles** is the helix without the line: .698.
# - **polynomial** has eight features, as the helix: .389.
# - **random features** are eight columns of noise: −.195. Less than 0 is worse than the mean of all vectors.
# - **PCA** has as many directions as the helix has features, eight, and sees the vectors that it is to explain: it is
#   a bound, no competitor. The helix stays below it.
#
# Here is what a fit to 80 numbers reads from the vectors of the other 20. Each dot is a number, where it lies on the
# circle of a period, or along the line; digits mark the places of the remainders. On a circle, a dot's colour is the
# true place of its number. For each circle two medians are printed, for the 20 numbers and for the 80: how far a number
# lies from its place, as an angle. Guessing gives 90°.

# %%
seen, unseen = helix.hold_out(numbers)
fit = helix.fit_numbers(seen, activations[seen])


def circle(period):
    return lambda ax: pw.plot.helix(fit, activations[unseen], unseen, period, ax=ax)


def off_by(period, of):
    columns = [helix.HELIX.names.index(f"{wave} {period}") for wave in ("cos", "sin")]
    cos, sin = fit.read(activations[of])[:, columns].T
    turned = (cos + 1j * sin) * np.exp(-2j * np.pi * np.array(of) / period)
    return np.median(abs(np.angle(turned, deg=True)))


for period in (5, 100, 10):
    print(
        f"period {period:3}: off by {off_by(period, unseen):5.1f}° (median), "
        f"numbers of the fit by {off_by(period, seen):4.1f}°"
    )
fig = pw.plot.panels("abcd", height=2.2, a=circle(5), b=circle(100), c=circle(10), d=circle(None))

# %% [markdown]
# Around the circles of periods 5 and 100 the numbers lie in order, and along the line nearly so (the smallest are mixed
# up). On the circle of period 10 they do not: 131.8° is even worse than guessing. A wave that is nearly absent tends to
# do this: over all 100 numbers the two parts must cancel, so what the 80 of the fit show of it by chance, 40.3°, the
# other 20 show the other way round.
#
# ## Does the model use it?
#
# A good fit shows that the helix is *there*. Whether it is *used* is another question, and a patch can answer it: run
# the corrupted prompt, and write at `a` what a fit **predicts** for the clean number, in place of the vector itself.
# If the fit leaves out something that matters, the answer will not come back. Each number is predicted by a fit that
# has not seen it.


# %%
def put_in(exp, operand, basis):
    predicted = helix.cross_validated(basis.features(numbers), activations)
    number = helix.operands(exp.task)[:, "ab".index(operand)]
    return helix.patch_values(exp, f"{site}@{operand}", predicted[number])


# %% [markdown]
# **Predict.** Of 200 sums, how many will be right with a straight line in place of `a`? How many with the helix? And
# which share of the answer's logit comes back? Write four numbers down.

# %%
bases = {
    "line": helix.LINE,
    "polynomial": helix.POLYNOMIAL,
    "circles": helix.CIRCLES,
    "helix": helix.HELIX,
}


def table(exp, operand, bases):
    rows = {"true vector": exp.patch(f"{site}@{operand}")}
    rows |= {name: put_in(exp, operand, basis) for name, basis in bases.items()}
    columns = {
        name: {
            "right": helix.answer_errors(r).accuracy,
            "answer_logit": r["answer_logit"].share,
            "logit_diff": r["logit_diff"].share,
        }
        for name, r in rows.items()
    }
    return pd.DataFrame(columns).T.round(3).to_string()


print(table(first, "a", bases))

# %% [markdown]
# With the line, 5 % are right; with the helix, 89 %. By the paper's metric the line brings back .361 of the answer's
# logit, and the helix .927. So the model uses what the helix describes, and not only that: 11 % are wrong with it, and
# none with the true vector.
#
# The last column is the other metric, and it is far kinder to the line: .665. Why? Compare with the mean vector of all
# numbers, which knows nothing of `a`:

# %%
mean = np.tile(activations.mean(axis=0), (len(first.pairs), 1))
put = {"mean": helix.patch_values(first, f"{site}@a", mean)}
put |= {name: put_in(first, "a", basis) for name, basis in bases.items()}
for name, r in put.items():
    own = r["answer_logit"].effect
    print(
        f"{name:10}  logit of the answer {own:+5.1f}, of the foil {own - r['logit_diff'].effect:+5.1f}   "
        f"share of logit_diff {r['logit_diff'].share:.3f}"
    )

# %% [markdown]
# The foil falls by 22 or 23 logits with any of the four fits, and by 24 with the mean: to rule the foil out it is
# enough that the corrupted `a` is gone. So `logit_diff` begins at .522 for knowing nothing. The answer rises by 8 with
# the line and by 21 with the helix. A difference adds both, and so gives the line credit for what is easy.
# `answer_logit` asks the question that we have: does the model know the sum?
#
# ## Which wrong answers?
#
# Now leave out one period of the helix at a time, and look at what the model says in place of the right answer.
#
# **Exercise 2.** Leave out period **2**. By how much will most of the wrong answers be off? Think before you run
# anything: which numbers look alike to period 5, but not to period 2? (Period 10 has next to no power here, and period
# 100 says about how large a number is.)

# %% tags=["exercise"]
answer = ...
check.distance(answer, without=2)

# %% tags=["solution"]
answer = 5
check.distance(answer, without=2)

# %%
without = {
    f"without {period}": helix.Basis(tuple(p for p in helix.HELIX.periods if p != period))
    for period in helix.HELIX.periods
}
errors = {name: helix.answer_errors(put_in(first, "a", basis)) for name, basis in without.items()}
for name, e in errors.items():
    off = ", ".join(f"{distance:+d} in {n}" for distance, n in e.table()["pairs"].head(4).items())
    print(f"{name:12} right {e.accuracy:.1%}, wrong {(e.said != e.right).sum():3}: off by {off}")


def drawn(name):
    return lambda ax: pw.plot.errors(errors[name], title=name, ax=ax)


fig = pw.plot.panels(
    "ab;cd",
    height=4.5,
    a=drawn("without 2"),
    b=drawn("without 5"),
    c=drawn("without 10"),
    d=drawn("without 100"),
)

# %% [markdown]
# The errors say what each period is for. Without period 2, 96 of 120 wrong answers are off by 5: the sum has the right
# remainder by 5, and odd and even are mixed up. Without period 5 most are off by 2 or 4: odd and even are right, and
# the remainder by 5 is not. Without period 100 most are off by 10 or 20: the last digit is right, and the tens are
# not.
#
# **Exercise 3.** Which period of the helix could be left out, with as many answers still right?

# %% tags=["exercise"]
answer = ...
check.unneeded(answer)

# %% tags=["solution"]
answer = 10
check.unneeded(answer)

# %% [markdown]
# Period 10, the period of our digits, does nothing here. Whether a number is odd, and its remainder by 5, together say
# what its last digit is. In the spectrum it had .004 of the variance, and in the large models it is strong: which
# periods a model uses has to be measured in that model.
#
# ## Switch periods on and off
#
# The same in the widget, for all 200 pairs. **Edit the first line, run the cell, look at how many are right (the
# printed line) and at the headline of the widget.** Then go to single pairs with the arrows beside "mean": there the
# first token of the patched lane is what the model says. (The picture that stays without the widget shows the tokens of
# the first pair. The widget calls it *steering*: to the vector of the corrupted run it adds, once, α = 1, how the
# fitted one differs from it.) Leave out 2, and then 100. Then add periods that the helix does not have.

# %%
periods = (2, 5, 10, 100)

predicted = helix.cross_validated(helix.Basis(periods).features(numbers), activations)
wanted = predicted[helix.operands(first.task)[:, 0]][:, None]
change = wanted - first.corrupted[f"{site}@a"].numpy()
w2 = first.explore()
w2.select(pw.Patch(f"{site}@a", pw.sources.steer(change.astype("float32"))))
print(helix.answer_errors(put_in(first, "a", helix.Basis(periods))))
w2

# %% [markdown]
# **Exercise 4.** With the helix of the paper 22 answers are wrong. Add *one* period, so that at least 95 % of the
# answers are right. Which one? The errors and the spectrum above tell you where to look.

# %% tags=["exercise"]
answer = ...
check.added(answer)

# %% tags=["solution"]
answer = 50
check.added(answer)

# %%
more = {
    "helix": helix.HELIX,
    "and 2.5": helix.Basis((2, 2.5, 5, 10, 100)),
    "and 50": helix.Basis((2, 5, 10, 50, 100)),
    "and 200": helix.Basis((2, 5, 10, 100, 200)),
    "squared": helix.Basis(degree=2),
}
number = helix.operands(first.task)[:, 0]
for name, basis in more.items():
    said = helix.answer_errors(put_in(first, "a", basis))
    by_ten = int(said.off_by(10).loc[10, ["below", "above"]].sum())
    wrong = int((said.said != said.right).sum())
    right = []
    for seed in range(5):
        predicted = helix.cross_validated(basis.features(numbers), activations, seed=seed)
        patched = helix.patch_values(first, f"{site}@a", predicted[number])
        right.append(helix.answer_errors(patched).accuracy)
    print(
        f"{name:9} right {said.accuracy:.1%}   off by ten {by_ten:2}, others {wrong - by_ten}   "
        f"in five splits {min(right):.1%} to {max(right):.1%}"
    )

# %% [markdown]
# Period 2.5 is the stronger wave, and a second wave that tells remainders by 5 apart. It mends the errors that are not
# off by ten: with it none of the 5 is left. But most errors were off by ten, and these stay, 17 before and 20 now. What
# mends them is a slow wave, period 50: with it 97 % are right. In each of five splits of the numbers it does more than
# 2.5. How much of the variance a wave has does not say how many answers it is worth.
#
# And it need not be *this* wave. Period 200, of which the numbers see half a turn, does as much, and so does the
# square of the number, with no further wave at all. What was missing is a better account of how large a number is.
#
# ## The other number
#
# **Exercise 5.** In `second` only `b` differs. Put the helix in place of `b`. What fraction of the answers is right?

# %% tags=["exercise"]
answer = ...
check.right(answer, of=second)

# %% tags=["solution"]
answer = helix.answer_errors(put_in(second, "b", helix.HELIX)).accuracy
check.right(answer, of=second)

# %%
at_b = helix.number_activations(model, site, template="0+{n}=")
print(f"largest difference between a number at a and at b: {abs(at_b - activations).max():.1f}")
print(table(second, "b", bases | {"and 50": more["and 50"]}))

# %% [markdown]
# The vectors at `a` and at `b` are the same: as it enters layer 0, a number does not know where it stands. 84 % are
# right in place of `b`, and 89 % in place of `a`. These are other prompts, and the two are too close to make a rule of:
# at `a` alone, five splits of the numbers gave 84.5 % to 91.5 %.
#
# ## Where is the sum made?
#
# Now both numbers differ. First, which layers do something at the last token? The **total** effect of a patch goes
# through everything after it; the **direct** effect is what the component itself writes into the final residual
# stream.

# %%
both = pw.Experiment(model, pw.tasks.addition(100, part="test", varies="both"), "answer_logit")
print(helix.layer_effects(both).round(2).replace(-0.0, 0.0).to_string(index=False))
sweeps = {
    name: (
        both.sweep(name, over="layer", make=lambda s: s.at(-1), progress=False),
        both.direct_effects(name, progress=False),
    )
    for name in ("attn_out", "mlp_out")
}


def effects(name):
    return lambda ax: pw.plot.layers(*sweeps[name], quantity="effect", title=name, ax=ax)


fig = pw.plot.panels("ab", height=2.6, a=effects("attn_out"), b=effects("mlp_out"))

# %% [markdown]
# Vertical bars are 95 % intervals over the pairs.
#
# The attention of layer 0 has a total effect of 15.13 logits, of which 0.06 are direct: it works through later parts.
# The last MLP has 17.06, all of it direct, as it must be, since nothing comes after it. The first attention brings
# something from the numbers to the last token, and the last MLP writes the answer. Where in between do two numbers
# become one?
#
# **Predict.** In layer 0 at the last token: which waves does the *attention* write there, those of `a` and `b`, or
# those of `a+b`? And the MLP?

# %%
fits = {"a,b": ("a", "b"), "a+b": ("a+b",), "all": ("a", "b", "a+b")}
for component in ("attn_out", "mlp_out"):
    frame = helix.fit_by_layer(both, component, fits, layers=[0]).to_frame()
    print(f"L0.{component}")
    print(frame[["fit", "r2", "effect", "relative"]].round(3).to_string(index=False))

# %% [markdown]
# What the attention writes is described by waves of `a` and waves of `b`: R² .856 on pairs that the fit has not seen,
# and put in its place they have .931 of its effect. What the MLP writes is not: a fit with waves of `a` and `b` alone
# has .007 of its effect, and one with waves of `a+b` alone has .657. So the first attention brings two numbers to the
# last token, and the first MLP already writes a sum.
#
# Two cautions. The fit with `a+b` alone describes a third of what the attention writes, .335, and has .762 of its
# effect: a fit that is false for most of the variance can do much. And no fit of waves has everything: `all` has .720
# of the MLP's effect.
#
# The same for the stream at the last token after each layer:

# %%
stream = helix.fit_by_layer(both, fits=fits)
ax = pw.plot.by_layer(stream, "relative")
frame = stream.to_frame()
kept = frame.pivot(index="layer", columns="fit", values="relative")[["a,b", "a+b", "all", "PCA"]]
kept["R² of all"] = frame.pivot(index="layer", columns="fit", values="r2")["all"]
print(kept.round(2).replace(-0.0, 0.0).to_string())

# %% [markdown]
# After layer 0, waves of `a+b` carry more than half of the effect, after layers 1 and 2 about three quarters; waves of
# `a` and `b` at most .16. After the last layer the fit with all waves has only .45: there its R² has fallen to .13, so
# that most of what the stream then holds is no helix of these numbers.
#
# ## Heads
#
# The paper sorts heads by what they bring to the last token: the numbers, or the sum. Heads with a share
# below .02 are left out of the table; L0.H1 is just below.

# %%
heads = helix.sort_heads(both)
columns = ["layer", "head", "share", "total", "direct", "a,b", "a+b", "kind"]
print(heads[columns].round(2).to_string(index=False))
alone = [both.patch(f"L0.H{head}@-1").share for head in range(4)]
print("heads of layer 0 alone:", " ".join(f"{share:.3f}" for share in alone))
print(
    f"their sum {sum(alone):.3f}, jointly {both.patch(*[f'L0.H{h}@-1' for h in range(4)]).share:.3f}"
)
needed = [both.flip().patch(f"L0.H{head}@-1").share for head in range(4)]
print("needed (noise):", " ".join(f"{share:.3f}" for share in needed))

# %% [markdown]
# No head of layer 0 alone brings back more than .025, and yet the four of them jointly bring back .648. Each alone is
# enough for next to nothing: the effects of heads do not add up. (In an AND each would also be needed entirely. By
# `answer_logit` the four are needed .422, .721, .290 and .139, so this is not one. Lecture 2 measures the probability,
# and L0.H1 against the other three together: there it is an AND on average.) By `logit_diff`, which also gives
# credit for ruling out the foil, more heads are in the table:

# %%
by_difference = helix.sort_heads(both, metric="logit_diff")
print(by_difference[columns].round(2).to_string(index=False))

# %% [markdown]
# L1.H3 and L0.H0 are in both tables, and L1.H3 is the odd one. Waves of `a+b` have 1.00 and .97 of its effect, but in
# the second table they have much of the effect of the heads of layer 0 as well, .84 to .92. What sets it apart is how
# little waves of `a` and `b` have, .25 and .33, where in the second table they have .86 and more of the others. So it
# brings a sum. (It is called *mixed* because the paper's formula gives a head a confidence from 0 to 1 for each kind,
# and L1.H3 stays below one half for both. A head that writes the sum needs a large direct effect too, and L1.H3 has
# only 0.40 of 2.74 directly. And waves of `a` and `b` do too little for a head that brings the numbers.) Where does it
# get the sum? Above, something that mattered was at `b` before layer 1.

# %%
freely = both.patch("L1.resid_pre@b")
frozen = both.patch("L1.resid_pre@b", pw.Patch("L1.H3@-1", "host"))
print(f"L1.resid_pre@b: share {freely.share:.3f}, with L1.H3 frozen {frozen.share:.3f}")

# %% [markdown]
# With L1.H3 frozen, .009 of .160 is left: what was at `b` reaches the answer through this head. The token `b` stands
# after `a`, so a sum could be made there, beside the one at the last token. Is it one? Fit what is there for other
# pairs of numbers, and put the fit in its place:

# %%
known = helix.operands(both.task)
others = np.random.default_rng(0).integers(0, 100, (1500, 2))
others = others[~(others[:, None] == known).all(axis=2).any(axis=1)]
run = model.run([f"{a}+{b}" for a, b in others], record=["L1.resid_pre@-1"])
vectors = run["L1.resid_pre@-1"][:, 0].numpy()
for name, terms in {"a, b": ["a", "b"], "a+b": ["a+b"]}.items():
    features = helix.sums(helix.HELIX, others, terms)
    fitted = helix.fit(features[:1000], vectors[:1000])
    r2 = fitted.r2(features[1000:], vectors[1000:])
    predicted = fitted.predict(helix.sums(helix.HELIX, known, terms))
    share = helix.patch_values(both, "L1.resid_pre@b", predicted).share
    print(f"waves of {name:5} R² {r2:+.2f}, share {share:.3f}")

# %% [markdown]
# Waves of the sum describe .60 of what stands at `b`, and do as much as the true vector, .182 and .160; those of the
# two numbers do neither. So a second sum is made at `b`. If you look at the last token alone, you miss it.
#
# ## Neurons
#
# Fit each neuron before its non-linearity with waves of `a`, `b` and `a+b`, on other pairs of numbers. Which waves is
# it made of? Then put all fits of a layer in place of the neurons.

# %%
pre = [helix.fit_neurons(both, layer) for layer in range(4)]
for layer, fitted in enumerate(pre):
    frame = fitted.to_frame()
    up = helix.fit_neurons(both, layer, "neuron_up")
    true = both.patch(f"L{layer}.neuron_pre@-1", f"L{layer}.neuron_up@-1")
    patched = helix.patch_neurons(both, fitted, up)
    print(
        f"layer {layer}: median R² {frame.r2.median():.2f}, part of a+b {frame.sum_part.median():.2f}   "
        f"right {helix.answer_errors(true).accuracy:.0%}, with fits {helix.answer_errors(patched).accuracy:.0%}"
    )

# %% [markdown]
# From layer to layer the waves of neurons change from those of `a` and `b` (.02 of the power is in `a+b`) to those of
# `a+b` (.95). ("Right" counts answers with the neurons of this layer alone, at the last token, from the clean run. A
# neuron here has two inputs, one before the non-linearity, `neuron_pre`, and a factor, `neuron_up`; both are replaced.)
# Only in the last layer is that nearly enough: 87 % of the answers are right with the true values of its neurons, and
# 58 % with their fits. So the fits describe most of it and not all.
#
# Of the neurons of layer 0 whose strongest wave is one of `a`, and of those of layer 3 whose strongest is one of
# `a+b`, here is the one that is fitted best, over all 10,000 sums, with the fit beside it (both are better than the
# medians above):

# %%
for layer, term in ((0, "a"), (3, "a+b")):
    frame = pre[layer].to_frame()
    neuron = frame[frame.term == term].r2.idxmax()
    name, row = f"L{layer}.N{neuron}", frame.loc[neuron]
    print(
        f"{name}: strongest wave {row.term} with period {row.period:g}, part of a+b {row.sum_part:.2f}, R² {row.r2:.2f}"
    )
    found = helix.neuron_map(model, f"{name}.neuron_pre", pre[layer])
    fig = pw.plot.neuron_maps({name: found.true, f"{name}, fit": found.fitted})

# %% [markdown]
# The neuron of layer 0 goes up and down with `a` and with `b`, along both axes. The one of layer 3 hardly changes
# along a diagonal, where the sum is the same. This is where the trigonometry of the paper's title would be: cos(x + y)
# = cos x cos y − sin x sin y takes products, and a gated MLP multiplies. That the model does it this way is shown by
# no number here. Fits say which waves there are, patches what they do, and neither says how the MLP gets from one to
# the other.
#
# How many neurons does it take? Keep the strongest ones (by an estimate of their effect) at the last token, and put
# all others at their mean:

# %%
curve = helix.keep_neurons(both)
ax = pw.plot.neurons_kept(curve)
for n, left in zip(curve.n_kept, curve.faithfulness, strict=True):
    if n in (20, 100, 200, 500):
        print(f"{n:4} of 2048 neurons kept: {left:.2f} of the effect")

# %% [markdown]
# About a quarter of the neurons, 500, keep .97 of the effect. (The areas CPR, *circuit performance ratio*, under the
# curve, and CMD, *circuit-model distance*, between it and 1, are taken over the fraction of the neurons that is kept,
# not over the logarithmic axis that is drawn.) The grey band is that of five random draws of as many neurons. All
# others are at their mean over the prompts, position by position, which is what the title of the picture says.
#
# ## What is different in the large models
#
# - **Why there is a helix.** Here the training on sums modulo 2, 5 and 10 is a reason. There it came from text.
# - **Which periods.** There period 10 is strong. Here 2 and 5 do its work.
# - **Where.** Here the helix is read from the embedding. There the paper reads it after layer 0, and heads of the
#   middle layers move it. (Zhou et al. find waves already in the number embeddings of pretrained models such as
#   GPT-2-XL.)
# - **How clean.** This model was trained on a few narrow tasks, and unneeded heads were removed by a penalty in
#   training. In a model that does a thousand other things, heads and neurons do several things at once.
#
# Each figure of the paper is one call for those models too: `docs/addition.md` has the list, and what each would cost.
#
# ## Recap
#
# - R² says what is there, a patch says what is used. The line: R² .19, 5 % right. The helix: .76 and 89 %.
# - `logit_diff` gives the line .665, `answer_logit` .361: to rule out the foil is easy.
# - Errors tell what a period is for: without 2 off by 5, without 5 off by 2 or 4, without 100 off by 10 or 20. Period
#   10 does nothing here.
# - The strongest wave that is missing is not the one that is missed: 2.5 has more variance, and what mends more
#   answers is a slow wave, or a square.
# - The first attention brings waves of `a` and `b`, the first MLP already writes waves of `a+b`. What is at `b` after
#   that goes through L1.H3, which moves a sum.
#
# **To read:** Kantamneni and Tegmark, *Language Models Use Trigonometry to Do Addition* (2025); Zhou et al.,
# *Pre-trained Large Language Models Use Fourier Features to Compute Addition* (2024); Nanda et al., *Progress Measures
# for Grokking via Mechanistic Interpretability* (2023), on modular addition; Nikankin et al., *Arithmetic Without
# Algorithms* (2024), which finds a bag of heuristics instead.
