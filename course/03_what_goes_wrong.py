# %% [markdown]
# # 3 · What goes wrong
#
# A sweep gives a ranking of heads, with numbers of three digits. It looks like a fact about the model. It is a fact
# about the model **and** about three choices: what is measured, what is put in the place of an activation, and how
# pairs are averaged. **How much of a ranking is the model, and how much is your choice?**
#
# In this lecture you will change one choice at a time, and watch a sign turn, an effect halve, and one pair of twenty
# decide the mean. It takes 60 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 10 minutes for the sum, 20 for the metric on SmolLM2, 15 for what is put in, 15 for pairs.
# > Ask for a show of hands at each prediction. What goes wrong most often: people look for the *right* metric. There
# > is none; each answers a question of its own, and the question belongs in the title. And they drop the sign as
# > they sort.

# %%
import numpy as np

import patchwidgets as pw

model = pw.load()
check = pw.course.WhatGoesWrong

# %% [markdown]
# ## What is measured: the AND that vanished
#
# In lecture 2 a sum needed both of its numbers: by the probability of the answer, each of them alone is enough for
# nothing.
#
# The **foil** is what the corrupted run should say. A difference (`logit_diff`, `prob_diff`) is that of the answer
# minus that of the foil.
#
# **Predict.** Bring back the first number alone. How far is it enough by the logit difference? And by the logit of the
# answer?

# %%
metrics = ["answer_prob", "prob_diff", "logit_diff", "answer_logit"]
sums = pw.Experiment(model, pw.tasks.addition(20, varies="both"), metric=metrics)
first, second = sums.patch("embed@a"), sums.patch("embed@b")
for metric in metrics:
    shares = first[metric].share, second[metric].share
    print(
        f"{metric:13} enough: embed@a {shares[0]:+z.3f}   embed@b {shares[1]:+z.3f}   sum {sum(shares):+z.3f}"
    )

# %% [markdown]
# By `logit_diff` and `prob_diff` each number does about half, and the two add up to 1.000 (`prob_diff`) and .943
# (`logit_diff`): this does not look like an AND. By `answer_prob` neither does anything, and by `answer_logit` neither
# does on average. These are the same runs. What is different is the **foil**, the sum of the corrupted prompt, which a
# difference counts too:

# %%
for name, r in {"embed@a": first, "embed@b": second}.items():
    own, both = r["answer_logit"].effect, r["logit_diff"].effect
    print(
        f"{name}: logit of the answer {own:+.2f}, of the foil {own - both:+.2f}; difference {both:+.2f}"
    )
    for metric in ["answer_logit", "answer_prob"]:
        single = r[metric].per_pair.effect
        print(f"         {metric} in single pairs {single.min():+z.1f} to {single.max():+z.1f}")
    says = r.run.top_tokens(1, pair=0)[0].token.strip()
    print(
        f"         of the first pair, {sums.task[0].clean} and {sums.task[0].corrupted}, the model says {says}"
    )

# %% [markdown]
# The answer does not come back. Its logit moves a lot in single pairs, up in some and down in others, and its
# probability stays at 0 in all. The foil goes away: in the first pair the model now does a third sum. A difference
# cannot tell one from the other.
#
# ## Switch the metric and watch the ranking
#
# Now a larger model, SmolLM2, and the prompts of lecture 1.

# %%
smol = pw.load("smollm2")
task = pw.Task(
    clean="When Mary and John went to the store, John gave a drink to",
    corrupted="When Mary and John went to the store, Mary gave a drink to",
    answer=" Mary",
    foil=" John",
    positions={"S2": 9},
)
exp = pw.Experiment(
    smol, task, metric=["logit_diff", "answer_logit", "answer_logprob", "answer_prob"]
)
for metric in exp.metrics:
    print(
        f"{metric:13} clean {exp.clean.values[metric]:+.3f}   corrupted {exp.corrupted.values[metric]:+.3f}"
    )

# %% [markdown]
# **Predict.** L23.H3 was the strongest head by `logit_diff`. Which heads will be the strongest by `answer_logit`: the
# same ones, in the same order?
#
# The widget shows one head. **Choose another metric in its menu, and watch the sign of the effect, the gauge (the
# recovery, from 0 to 1), and the map of heads.** (The picture that stays here shows neither gauge nor map.) Try L20.H0,
# L23.H3 and L24.H4 (press `/` to write one).

# %%
w = exp.explore("L20.H0")
w

# %%
heads = exp.sweep("z", progress=False)
for metric in exp.metrics:
    top = ", ".join(
        f"{site} {exp.patch(site)[metric].recovery:+.2f}" for site in heads.top_sites(5, metric)
    )
    print(f"{metric:13} {top}")

# %% [markdown]
# L23.H3 is first by all four. By `answer_logit` L20.H0 has left the five strongest, and another head is among them. By
# `answer_prob` no other head does more than .04.
#
# The same sweep, by two metrics:

# %%
ax = pw.plot.heatmap(heads, metric="logit_diff", quantity="recovery")
ax = pw.plot.heatmap(heads, metric="answer_logit", quantity="recovery")

# %% [markdown]
# **Exercise 1.** Name a head with a recovery of .1 or more by `logit_diff` **and** of −.1 or less by `answer_logit`.
# There are several.

# %% tags=["exercise"]
answer = ...
check(exp).two_signs(answer, "logit_diff", "answer_logit")

# %% tags=["solution"]
answer = "L20.H0"
check(exp).two_signs(answer, "logit_diff", "answer_logit")

# %% [markdown]
# The same patch of the same head, and two signs. What happened to the logits?

# %%
for site in ["L23.H3", "L20.H0"]:
    r = exp.patch(site)
    own, both, logprob = (r[m].effect for m in ["answer_logit", "logit_diff", "answer_logprob"])
    print(
        f"{site}  logit of Mary {own:+.2f}, of John {own - both:+.2f}; difference {both:+.2f}; "
        f"log-probability of Mary {logprob:+.2f}"
    )

# %% [markdown]
# With L20.H0 the logits of both names fall, that of *John* by more: the difference grows. And the log-probability of
# *Mary* grows although its logit falls, so other tokens have lost more. The same number added to
# all logits changes no probability, so one logit alone shows no preference. `answer_logit` asks whether *Mary*'s own
# logit rises: a fair question, but not that of `logit_diff`, which asks whether *Mary* is preferred to *John*.
#
# **Predict.** All this is one pair of prompts. Over sixteen, will L20.H0 have two signs still?

# %%
many = pw.Experiment(smol, pw.tasks.ioi(16), metric=["logit_diff", "answer_logit"])
for site in ["L20.H0", "L17.H4", "L19.H2"]:
    one, other = (many.patch(site)[metric] for metric in many.metrics)
    opposite = (one.per_pair.effect * other.per_pair.effect < 0).sum()
    print(
        f"{site}  recovery by logit_diff {one.recovery:+.2f}, by answer_logit {other.recovery:+.2f}; "
        f"opposite signs in {opposite} of 16 pairs"
    )

# %% [markdown]
# Over sixteen pairs the two metrics have the same sign, .39 and .42 for L20.H0, and in 3 pairs of 16 they have
# opposite ones. What you found is true of that pair, and no rule. A sign depends on the metric **and** on the pair.
#
# **Exercise 2. Defend a ranking.** Back to the one pair. You report the three heads that bring the answer back most,
# and you measure `answer_logit`. Write them, strongest first, as `["L9.H6", ...]`.

# %% tags=["exercise"]
answer = ...
check(exp).ranking(answer, "answer_logit")

# %% tags=["solution"]
recovery = heads.over_pairs("answer_logit")["recovery"].values
order = [divmod(int(cell), smol.n_heads) for cell in (-recovery).ravel().argsort()[:3]]
answer = [f"L{layer}.H{head}" for layer, head in order]
print(answer)
check(exp).ranking(answer, "answer_logit")

# %% [markdown]
# And the probability? Look at the head that goes the other way, L24.H4:

# %%
r = exp.patch("L24.H4")
for metric in exp.metrics:
    print(f"L24.H4  {metric:13} recovery {r[metric].recovery:+.3f}")

# %% [markdown]
# By the logits it is one of the strongest heads, and by the probability it does nothing, −.003. The patch starts from
# a probability of .003 and cannot go below 0: at the ends of its range a probability hides what the logits do.
#
# ## What is put in its place
#
# To ask what the model needs, an activation is replaced. By what? By that of the corrupted run, as so far; by its
# **mean**, at each position, over sixteen other clean prompts; by **zero**.
#
# **Predict.** L23.H3 in the clean run: which of the three costs most? Which least?

# %%
noise = exp.flip()
others = pw.tasks.ioi(16)
sources = {"other run": "source", "mean": pw.sources.mean(of=others), "zero": pw.sources.zero()}
for name, source in sources.items():
    r = noise.patch(pw.Patch("L23.H3", source))
    own, both = r["answer_logit"].effect, r["logit_diff"].effect
    print(f"{name:10} Mary {own:+.2f}, John {own - both:+.2f}; difference {both:+.2f}")

# %% [markdown]
# The other run's value costs 7.08, the mean and zero about half of that. And they do different things. With the mean,
# the logit of *Mary* hardly changes, +.21, and that of *John* rises. With the other run's value, the logit of *Mary*
# falls by 4.88. So "L23.H3 lifts *Mary*" is true against the corrupted run, and not against the mean.
#
# Do two sources disagree about other heads as well? All of them, with the other run's value and with zeros:

# %%
costs = {
    name: noise.sweep("z", make=lambda site, put=put: pw.Patch(site, put), progress=False)
    for name, put in sources.items()
    if name != "mean"
}
fig = pw.plot.heatmaps(list(costs.values()), titles=list(costs), quantity="effect")

# %% [markdown]
# In the clean run the model says *Mary*. Orange: the logit difference falls if what this head says is replaced; blue:
# it rises. The words at the ends of the bar only name the direction, whatever was put in: up is towards the clean run,
# where the difference is higher, down towards the corrupted one. Read small effects from `costs`, not from the picture:
# the colours go to 10.
#
# **Exercise 3.** Imagine two papers that disagree about a head. One put in the other run's value, and says that the
# model needs it: without it the logit difference falls by one or more. The other put in zeros, and says that it does
# nothing: less than a tenth of a logit. Which head are they talking about?

# %% tags=["exercise"]
answer = ...
check(exp).needed_by_one(answer, sources["other run"], sources["zero"])

# %% tags=["solution"]
by_one, by_other = (sweep.effect.values for sweep in costs.values())
answer = [
    f"L{layer}.H{head}"
    for layer, head in np.argwhere((by_one <= -1) & (abs(by_other) < 0.1)).tolist()
]
print(answer)
check(exp).needed_by_one(answer[0], sources["other run"], sources["zero"])

# %% [markdown]
# Lecture 5 finds out why zeros in its place cost nothing. And the other way round: which heads cost a logit or more by
# zeros, and less than a tenth by the other run's value? How much do they differ between the two runs, as a part of
# their size?

# %%
by_one, by_other = (sweep.effect.values for sweep in costs.values())
for layer, head in np.argwhere((by_other <= -1) & (abs(by_one) < 0.1)).tolist():
    clean, corrupted = (run[f"L{layer}.H{head}"][0] for run in (exp.clean, exp.corrupted))
    apart = ((clean - corrupted).norm(dim=-1) / clean.norm(dim=-1)).max()
    print(
        f"L{layer}.H{head}   zeros {by_other[layer, head]:+.2f}   other run {by_one[layer, head]:+.2f}   "
        f"apart by up to {apart:.2f}"
    )

# %% [markdown]
# Three of the four are in layer 1. What these three say differs by at most .14 of its size between the two runs: there
# is little to exchange, and much to delete. L16.H0 is different: it changes by up to .70, and what changes hardly
# matters for this metric. Neither paper is wrong. One asks what it costs to give a head what it says
# on the other prompt, the other what it costs that it says nothing. Both measure *Mary* against *John* on one prompt,
# and neither proves that a head is not used.
#
# The same question at the input. Causal tracing corrupts a word by noise on its embedding, and then restores clean
# activations. Here is its first half, with noise of three standard deviations of the embeddings in these two prompts.
# So far we replaced the word by another one.
#
# **Predict.** The logit difference is +6.12 in the clean run. What is left of it with noise on `S2`? And with *Mary*
# in place of *John*?

# %%
noised = noise.patch(pw.Patch("embed@S2", pw.sources.noise(3.0, n=10, seed=0)))
replaced = noise.patch("embed@S2")
print(
    f"noise on S2        {noised.value:+.2f}, effect {noised.effect:+.2f} (10 draws, sd {noised.spread:.2f})"
)
print(f"Mary in its place  {replaced.value:+.2f}, effect {replaced.effect:+.2f}")

# %% [markdown]
# Noise leaves +1.70: the model prefers *Mary* still, though less. The other name turns the preference round, to −5.49.
# −4.42 and −11.60 are both the effect of "corrupting S2", and they are two experiments: one asks what happens with
# noise over the word, the other what happens with another word.

# %% [markdown]
# ## One pair of twenty
#
# Back to the small model and the two cues of lecture 2, now with the logit difference. The foil is the word before the
# last cue; the corrupted run need not say it (`foil_expected=False`). There are two ways to say how much a head brings
# back over many pairs: the **mean of ratios**, each pair's recovery, averaged; and the **ratio of means**, the mean
# effect over the mean gap, which patchwidgets reports. (The gap of a pair is its metric in the clean run minus that in
# the corrupted run.)
#
# **Predict.** How far apart will they be: .01? .1? Will the order of heads be the same?

# %%
rows = []
for pair in pw.tasks.induction(20, length=9):
    a, b, cue, word, c, other, d, *_ = pair.clean.split()
    prompt = f"{a} {cue} {word} {b} {cue} {word} {c} {d} {cue}"
    rows.append((prompt, prompt.replace(cue, other, 2), f" {word}", f" {d}"))
clean, corrupted, answers, foils = map(list, zip(*rows, strict=True))
cues = pw.Experiment(model, pw.Task(clean, corrupted, answers, foils, foil_expected=False))
for site in ["L0.H3", "L1.H0", "L1.H2", "L1.H3", "L0.H1"]:
    r = cues.patch(site)
    ratios = r.per_pair.recovery
    print(
        f"{site}  ratio of means {r.recovery:+.3f}   mean of ratios {ratios.mean():+.3f}   "
        f"median of ratios {np.median(ratios):+.3f}"
    )

# %% [markdown]
# By the mean of ratios, L0.H1 would be the second strongest of these heads, +.482, and L1.H3 would do nothing, −.015.
# By the ratio of means, L0.H1 does nothing, −.033, and L1.H3 brings back +.223. Look at the single pairs:

# %%
ax = pw.plot.pairs(cues.patch("L0.H1"), cues.patch("L1.H3"), quantity="recovery")

# %% [markdown]
# **Exercise 4.** One pair does this. Which one? Write its number, from 0: `cues.patch("L0.H1").per_pair` has the
# numbers.

# %% tags=["exercise"]
answer = ...
check(cues).odd_pair(answer, "L0.H1")

# %% tags=["solution"]
answer = int(abs(cues.patch("L0.H1").per_pair.recovery).argmax())
print(answer)
check(cues).odd_pair(answer, "L0.H1")

# %%
reading = cues.patch("L0.H1")["logit_diff"]
gaps = reading.clean - reading.corrupted
print("gaps of all pairs:", np.round(gaps, 1).tolist())
odd = int(abs(gaps).argmin())
says = cues.corrupted.top_tokens(1, pair=odd)[0].token
print(f"pair {odd}: the answer is{cues.task[odd].answer}, and the corrupted run says{says}")
kept = [i for i in range(len(gaps)) if i != odd]
without = pw.Experiment(model, cues.task[kept])
for site in ["L0.H1", "L1.H3"]:
    r = without.patch(site)
    means = r.recovery, r.per_pair.recovery.mean()
    print(
        f"{site}  without it: ratio of means {means[0]:+.3f}, mean of ratios {means[1]:+.3f}, "
        f"apart {abs(means[0] - means[1]):.2f}"
    )

# %% [markdown]
# In that pair the corrupted run says the answer as well, and its gap is the smallest of all: its recovery divides by
# nearly 0. Without it the two ways are .04 and .01 apart. A ratio of means gives each pair the weight of its gap; a
# median of ratios, −.012 for L0.H1, is not moved by one pair either. So look at single pairs before you believe a mean,
# and report effects in logits beside recoveries.

# %% [markdown]
# ## Recap
#
# - A metric is a question. `logit_diff` asks which of two answers is preferred, and cannot tell whether the answer has
#   come back or only the foil has gone. `answer_logit` asks about the answer alone, and can have the other sign.
#   `answer_prob` cannot go below 0 or above 1, so near its ends it hides what the logits do. Show a second metric
#   beside the first.
# - A head that has two signs on one pair may have one on sixteen.
# - The other run's value, the mean and zero are three experiments. Say which one it is.
# - A mean of ratios can be one pair. Show single pairs.
# - Say all three in the caption: what was measured, what was put in, over which pairs.
#
# **To read:** Zhang and Nanda, *Towards Best Practices of Activation Patching* (2023), on metrics and corruptions;
# Heimersheim and Nanda, *How to use and interpret activation patching* (2024); Meng et al., *Locating and Editing
# Factual Associations in GPT* (2022), where noise comes from.
