# %% [markdown]
# # 1 · Splice
#
# A language model reads *When Mary and John went to the store, John gave a drink to*, and continues with *Mary*. To do
# that, it has to notice which name it has read twice, and then say the other one. **Which parts of the model do
# this?**
#
# **Activation patching** answers by an exchange. Run the model on this prompt: the **clean** run. Run it on a prompt
# in which one word is different, so that the answer changes: the **corrupted** run. Then run the corrupted prompt
# again, but put *one* activation of the clean run in the place of its own: the **patched** run. If the answer comes
# back, this activation carried what was missing.
#
# In this lecture you will watch the three runs, find the head that brings most of the answer back, and see how far one
# pair of prompts can be trusted. It takes 50 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 10 minutes for the three runs, 15 for the widget, 15 for the head, 10 for sixteen pairs.
# > Ask for a show of hands at each prediction before anybody runs the cell below it. What goes wrong most often: people
# > read the recovery where the share is asked for, and take one pair for the rule.

# %%
import patchwidgets as pw

model = pw.load("smollm2")
model

# %% [markdown]
# The model is SmolLM2, with 135 million parameters: 30 layers with 9 attention heads each. Most of its weights were
# stored in 4 bits each (Q4_1), those of the embedding in 8, and are expanded to float32; nothing else about them is
# changed. As it was loaded, two short passes checked that every activation is read and written where patchwidgets
# expects it.

# %%
model.checks.passed

# %% [markdown]
# ## Three runs
#
# The two prompts differ in one word, at the place that is called `S2`: the second mention of a name.

# %%
task = pw.Task(
    clean="When Mary and John went to the store, John gave a drink to",
    corrupted="When Mary and John went to the store, Mary gave a drink to",
    answer=" Mary",
    foil=" John",
    positions={"S2": 9},
)
exp = pw.Experiment(model, task, metric=["logit_diff", "answer_prob", "kl"])
check = pw.course.Splice(exp)
for name, run in {"clean": exp.clean, "corrupted": exp.corrupted}.items():
    best = run.top_tokens(1)[0]
    print(f"{name:9}  logit_diff {run.value:+.2f}   says {best.token!r} with {best.prob:.1%}")

# %% [markdown]
# The metric is the **logit difference**, logit(Mary) − logit(John): positive where the model prefers *Mary*. Lecture 3
# shows what other metrics say.
#
# **Predict.** The model has 270 heads. If you replace a single one of them with what it did in the clean run, how much
# of the way from −5.49 to +6.12 do you expect to get back with the best of them? 1 %? 10 %? More? Write it down.
#
# ## Click
#
# The three lanes are the three runs, from the first layer on the left to the last one on the right. In the middle lane
# each box of the rows H0 to H8 is a head; the two rows below the heads are `attn`, the sum of a layer's heads, and the
# MLP, and the thick line is the residual stream. **Click a box:** the kernel runs that patch on the model, and the
# charts show what it did. Blue shows how far each later box moved towards the clean run **at the last token**, where
# the answer is read, orange away from it; a ring in a box says that it moved elsewhere, a notch that it moved clearly
# further than the clean run. (The circles on the thick line only mark the stream after each layer.) Shift-click adds a
# box, Escape clears all, `?` shows the keys.
#
# Click ten boxes. Do you find one that matters?

# %%
w = exp.explore()
w

# %% [markdown]
# Few of the heads do anything. To find those that do, patch every head once, on its own. (`z` is what a head brings
# from where it looks, before its output matrix. The map shows the **share** of each patch: how far the logit difference
# went on the way from the run that was patched, 0, to the run that the activation was taken from, 1; here from the
# corrupted to the clean one. Blue goes towards the clean run, orange the other way, as the words at the ends of the
# colour bar say, and a "−" marks the heads that go far there.)

# %%
heads = exp.sweep("z", progress=False)
ax = pw.plot.heatmap(heads)
# %% [markdown]
# ## Find the head
#
# **Exercise 1.** Which head alone brings the logit difference nearest to that of the clean run? Write it as `"L9.H6"`.

# %% tags=["exercise"]
answer = ...
check.head(answer)

# %% tags=["solution"]
answer = heads.top_sites(1)[0]
print(answer)
check.head(answer)

# %% [markdown]
# Below are the largest effects, with their sign. The effect is metric_patched − metric_corrupted, here a change of the
# logit difference, and the **recovery** says how far the patched run is on the way from the corrupted run (0) to the
# clean run (1). (In this direction share and recovery are the same.)

# %%
for site in heads.top_sites(5):
    r = exp.patch(site)
    print(f"{site:7}  effect {r.effect:+.2f}   recovery {r.recovery:+.3f}")

# %% [markdown]
# One head out of 270 brings back more than half of the difference, .584. Two in the list go the other way:
# with the clean activation of L24.H4 or of L29.H0, the model prefers *Mary* even less. Lecture 5 finds out what L24.H4
# does.
#
# Here is the strongest one in the widget. Nothing before it can move: a dot is exactly 0. A box with neither a dot nor
# a colour has moved by less than a twentieth, or the two runs hardly differ there, so that there is no way to go (as in
# L18.H8). After L23.H3 most boxes move towards the clean run, by different amounts, and a few move elsewhere or
# slightly away from it.

# %%
w.select("L23.H3")
w

# %% [markdown]
# ## Where in the prompt?
#
# A patch can be made at one position alone.
#
# **Exercise 2.** The two prompts enter the model as embeddings. At which position does patching `embed` bring the
# whole answer back? Write the position as its number, counting the tokens from 0 (*When* is 0, *Mary* is 1, …), or by
# its name in the task.

# %% tags=["exercise"]
answer = ...
check.word(answer)

# %% tags=["solution"]
answer = "S2"
check.word(answer)

# %%
for site in ["embed@S2", "L0.mlp_out@S2", "L23.H3@S2", "L23.H3@-1"]:
    print(f"{site:14}  recovery {exp.patch(site).recovery:+.3f}")

# %% [markdown]
# The embedding at `S2` carries all of it, 1.000, as it must: the prompts differ nowhere else. The first MLP carries
# nearly all of it, .999. But does the model use the embedding itself, or only what the first MLP makes of it? Keep
# that MLP as it was in the corrupted run, and patch the embedding again:

# %%
without = exp.patch("embed@S2", pw.Patch("L0.mlp_out@S2", "host"))
print(f"embed@S2 with L0.mlp_out frozen: recovery {without.recovery:+.3f}")

# %% [markdown]
# Almost nothing is left. The name travels as what the first MLP writes. The head L23.H3 works at the other end,
# and mostly at the last token, where the answer is read: .552 of .584.
#
# ## The other direction
#
# So far, clean activations went **into the corrupted run**. This is called *denoising*, and asks whether a head is
# **enough** to bring the answer back. Put the corrupted activation into the clean run, and you ask whether the model
# **needs** it: *noising*.
#
# **Predict.** L23.H3 brings back .584. If its corrupted activation is put into the clean run, how much is lost? The
# same? The rest, .416?
#
# **Exercise 3.** `exp.flip()` is the same experiment in the other direction. Read the **share** of the strongest head
# there: how far it goes on the way from its host run (clean) to its source (corrupted).

# %% tags=["exercise"]
answer = ...
check.share_in_noise(answer)

# %% tags=["solution"]
answer = exp.flip().patch("L23.H3").share
check.share_in_noise(answer)

# %%
for name, experiment in {"denoise": exp, "noise": exp.flip()}.items():
    r = experiment.patch("L23.H3")
    print(f"{name:8} effect {r.effect:+.2f}   share {r.share:.3f}   recovery {r.recovery:.3f}")

# %% [markdown]
# The shares are .584 and .610. They need not be equal or add up to 1: in one run everything else starts corrupted, in
# the other clean. Recovery always counts from the corrupted run (0) to the clean one (1). So in noise it is what is
# left: .390, which is 1 minus the share. Lecture 2 is about cases in which one of the two shares is 1 and the other 0.
#
# ## Sixteen pairs
#
# All of this was one pair of prompts. Here are sixteen, with other names and other sentences:

# %%
many = pw.Experiment(model, pw.tasks.ioi(16))
r = many.patch("L23.H3")
print(f"over 16 pairs: recovery {r.recovery:.3f}")
single = r.per_pair.recovery
print(
    f"single pairs:  from {single.min():.2f} to {single.max():.2f}, above 0.3 in {(single > 0.3).sum()}"
)
other, negative = many.patch("L20.H0"), many.patch("L24.H4")
print(f"L20.H0:        recovery {other.recovery:.3f}")
print(f"L24.H4:        below 0 in {(negative.per_pair.recovery < 0).sum()} of 16")
ax = pw.plot.pairs(r, other, negative, quantity="recovery")

# %% [markdown]
# Over sixteen pairs its recovery is .438, not .584. It is above .3 in 13 of the pairs, and only .05 in one. L24.H4 goes
# the other way in 14 of the 16. And L20.H0, .216 on our pair, is at .39 over sixteen, close to L23.H3. One pair shows
# what can happen; sixteen show how often, and how much it varies.
#
# ## Recap
#
# - A patch puts one activation of one run into another. Its effect is metric_patched − metric_host; its share is 0 at
#   the host and 1 at the source; recovery is 0 at the corrupted run and 1 at the clean one.
# - One head of 270, L23.H3, brings back .584 on this pair, most of it at the last token.
# - Denoising asks what is enough, noising what is needed: .584 and .610 here.
# - Over sixteen pairs, single pairs range from .05 to .63.
#
# **To read:** Wang et al., *Interpretability in the Wild* (2022), on this task in GPT-2; Heimersheim and Nanda, *How
# to use and interpret activation patching* (2024); Zhang and Nanda, *Towards Best Practices of Activation Patching*
# (2023).
