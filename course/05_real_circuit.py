# %% [markdown]
# # 5 · A real circuit
#
# In lecture 1 you found heads that matter, one at a time. A head alone explains little: it reads what others wrote,
# and others read what it writes. **Who tells whom that the answer is *Mary*, and can you believe the head that seems
# to do nothing?**
#
# In this lecture you will measure what a head itself writes for the answer and what others make of it, follow one way
# through three heads, take a head out that nobody misses, and see which of your findings hold on sixteen pairs. It
# takes 90 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 10 minutes for where heads work, 15 for direct effects, 30 for the two questions "who reads
# > it?" and "who wrote it?" (10 of them in the widget), 20 for the head that nobody misses, 15 for sixteen pairs. Ask
# > for a show of hands before L23.H0 is taken out, and let somebody defend "it does nothing". What goes wrong most
# > often: people answer with a head where an input is asked for (q, k or v); they freeze a head that comes *before* the
# > one that is gone; and they take "this interval contains 0, that one does not" for a difference.

# %%
import patchwidgets as pw

model = pw.load("smollm2")
task = pw.Task(
    clean="When Mary and John went to the store, John gave a drink to",
    corrupted="When Mary and John went to the store, Mary gave a drink to",
    answer=" Mary",
    foil=" John",
    positions={"IO": 1, "S1": 3, "S2": 9, "end": -1},
)
exp = pw.Experiment(model, task)
check = pw.course.RealCircuit(exp)
print(f"logit difference: clean {exp.clean.value:+.2f}, corrupted {exp.corrupted.value:+.2f}")

# %% [markdown]
# These are the prompts of lecture 1. `S1` and `S2` are the first and the second mention of *John*, who gives; `IO` is
# *Mary*, who receives. The corrupted prompt has *Mary* at `S2`, and the answer is *John*.
#
# ## Where do heads work?
#
# Patch every head once, at all positions. Then the eight strongest at `S2` alone, and at the last token alone.
# (`batch=16` keeps at most 16 patched runs in memory.)

# %%
heads = exp.sweep("z", batch=16, progress=False)
strongest = heads.top_sites(8)
print("         all     @S2    @end")
for site in strongest:
    effects = [exp.patch(site + at).effect for at in ("", "@S2", "@end")]
    print(f"{site:7}", *(f"{effect:+z.2f}  " for effect in effects))

# %% [markdown]
# One of the eight works at `S2`, where the prompts differ: L17.H4, with +2.07 of +2.07. The others work at the last
# token, where the answer is read; of L19.H2 that is +1.41 of +1.88. So something has to get from `S2` to the end.
#
# ## What a head writes itself
#
# A patched head changes what it adds to the residual stream. The logits read this sum, and so does everything that
# comes later. Its **direct effect** is what remains if only the logits see the change, and all later heads and MLPs
# stay as they were in the corrupted run. The effect of a patch, so far, is its **total effect**.
#
# **Predict.** L20.H0 has a total effect of +2.50. How large is its direct effect? All of it? Half? Write it down.

# %%
direct = exp.direct_effects("z", batch=16, progress=False)
ax = pw.plot.total_direct(heads, direct, label=8)

# %%
print("          total   direct")
for site in strongest:
    layer, head = (int(number) for number in site[1:].split(".H"))
    own = float(direct.effect.sel(layer=layer, head=head))
    print(f"{site:8} {exp.patch(site).effect:+.2f}   {own:+z.2f}")

# %% [markdown]
# **Exercise 1.** Among the heads with a total effect of more than 1, which one writes most *against* its own total
# effect?

# %% tags=["exercise"]
answer = ...
check.against(answer)

# %% tags=["solution"]
answer = "L20.H0"
check.against(answer)

# %% [markdown]
# On the diagonal a head speaks for itself. L23.H3 does (+5.84 of +6.77), and so do L29.H1 and L29.H0. L20.H0 does not:
# it is worth +2.50, and what it writes itself does −0.48. Others must make something of it. L17.H4 has no direct
# effect, 0.00, since the logits are read at the last token and it works at `S2`.
#
# ## Who reads L20.H0?
#
# A **path** lets one reader see the change, and nobody else. A head reads through its queries, keys or values (`q`,
# `k`, `v`), an MLP through its input.
#
# In the widget, choose **Path** (or press `E`), click L20.H0, then a later head, and then one of query, key and value
# (or press `Q`, `K`, `V`). Escape steps back. Try four readers. Does one of them get half of the +2.50?

# %%
w = exp.explore("L20.H0")
w

# %% [markdown]
# **Exercise 2.** Which reader brings back most of what L20.H0 writes? Write the head with its input, as `"L9.H6.q"`, or
# `"L9.KV2.k"` or `"L9.KV2.v"`: in this model each three neighbouring heads share their keys and values; `KV2` are those
# of the heads 6 to 8.

# %% tags=["exercise"]
answer = ...
check.reader(answer, of="L20.H0")

# %% tags=["solution"]
readers = exp.sweep_paths(senders="L20.H0", batch=16, progress=False)
answer = readers.top_sites(1)[0]
print(answer)
check.reader(answer, of="L20.H0")

# %% [markdown]
# All readers at once:

# %%
readers = exp.sweep_paths(senders="L20.H0", batch=16, progress=False)
print(readers)
ax = pw.plot.paths(readers, k=10, label=6, model=model)

# %% [markdown]
# The queries of L23.H0 carry +1.34, a little more than half of the +2.50, and more than twice as much as the next
# reader, L23.H5. The orange arrows work against the answer, among them those to the logits themselves, −0.48, and to
# the queries of L23.H3, −0.39.
#
# A query decides where a head looks. Where does L23.H0 look from the last token: at *Mary* (`IO`), or at *John*
# (`S1`)?


# %%
def looks(head, run, *places, at="end"):
    positions = exp.pairs[0].positions
    row = run.pattern(head, pair=0).values[positions[at]]
    return "   ".join(f"{place} {row[positions[place]]:.2f}" for place in places)


one = exp.patch("L20.H0").run
for name, run in {"clean": exp.clean, "corrupted": exp.corrupted, "L20.H0 patched": one}.items():
    print(f"{name:15} L23.H0 looks at   {looks('L23.H0', run, 'IO', 'S1')}")

# %% [markdown]
# In the clean run at *Mary*, in the corrupted run at *John*, in each at the name that is to be said. With L20.H0
# patched it turns to *Mary*. Heads that look at a name and write it are called **name movers**; the direct effect
# of L23.H0 is +1.68.
#
# ## Who told L20.H0?
#
# Now one step back. Which of its inputs makes L20.H0 do something else in the clean run? Patch one input at a time. The
# keys and values of the heads 0 to 2 are called `KV0`.

# %%
for site in ["L20.H0.q", "L20.KV0.k", "L20.KV0.v", "L20.KV0.v@S2"]:
    print(f"{site:13} effect {exp.patch(site).effect:+.2f}")
for name, run in {"clean": exp.clean, "corrupted": exp.corrupted}.items():
    print(f"{name:13} L20.H0 looks at   {looks('L20.H0', run, 'S2')}")

# %% [markdown]
# The values, +2.82 (those of three heads, so it may be more than the +2.50 of one), and mostly those at `S2`, +2.31.
# L20.H0 looks at `S2` in both runs (.78 and .73 of its attention); what it finds there is different. Who put it there?
#
# **Predict.** You know all eight strong heads. Which one is it? Write it down.
#
# **Exercise 3.** Of all heads and MLPs, which one carries most into the values of L20.H0, `"L20.KV0.v"`? The method
# `exp.sweep_paths` takes a reader as well, or use the widget.

# %% tags=["exercise"]
answer = ...
check.feeder(answer, into="L20.KV0.v")

# %% tags=["solution"]
answer = "L17.H4"
check.feeder(answer, into="L20.KV0.v")

# %%
writers = exp.sweep_paths("L20.KV0.v", batch=16, progress=False)
for path in writers.top_sites(4):
    print(f"{path:23} {exp.path(path).effect:+.2f}")

# %% [markdown]
# L17.H4 carries most, +0.92. It is the head that works at `S2`. An edge is what goes there straight; more may go there
# through MLPs and heads in between. Freeze the values of L20.H0 (`"host"` keeps them as they are in the corrupted run,
# whatever changes before them), and see what is left of L17.H4:

# %%
whole = exp.patch("L17.H4@S2").effect
print(f"L17.H4@S2: effect {whole:+.2f}")
for site in ["L20.KV0.v", "L20.H0", "L23.H0.q"]:
    left = exp.patch("L17.H4@S2", pw.Patch(site, "host")).effect
    print(f"with {site:9} frozen: {left:+.2f} left, {whole - left:.2f} lost")

# %% [markdown]
# Of +2.07 only +0.56 is left: 1.51 goes through these values, in one way or another. They are those of three heads,
# but freezing L20.H0 alone does the same. Through the queries of L23.H0 goes about a third, 0.68.
#
# What does L17.H4 know at `S2`? Look where it looks from there:

# %%
for name, run in {"clean": exp.clean, "corrupted": exp.corrupted}.items():
    row = run.pattern("L17.H4", pair=0).values[exp.pairs[0].positions["S2"]]
    best = int(row.argmax())
    print(
        f"{name:9}  from {run.tokens[9]!r} to position {best}, {run.tokens[best]!r}: {row[best]:.2f}"
    )

# %% [markdown]
# At the word right after the first mention of the same name: after *John* in the clean run, after *Mary* in the
# corrupted one. So what it brings from there depends on which name is repeated. (Induction heads, in lecture 4, look
# at the same place.)
#
# The whole way, from there to the logits:

# %%
way = "L17.H4@S2->L20.KV0.v->L23.H0.q"
for path in [way, way + "->logits"]:
    traced = exp.path(path)
    print(f"{path:41} effect {traced.effect:+.2f}   recovery {traced.recovery:.3f}")
w.select(way + "->logits")
w

# %% [markdown]
# Nothing in the picture moves but the logits, which read the end of the way; the dashed box is its start. The boxes on
# the way and the `attn` of their layers are left empty: something changes there, but only the next reader sees it. (The
# heads 0 to 2 of layer 20 share the values, and so all three are empty; L18.H8 is empty for another reason: there the
# two runs hardly differ. An arrow passes over boxes that have no part in the way; only the framed ones do.) If the
# logits alone read what L23.H0 makes of it, +0.70: a recovery of .060, so this is one way among several. If everything
# after L23.H0 reads it too, less, +0.61. Something after L23.H0 takes a part away. Keep this in mind.
#
# ## Another way
#
# And L23.H3, the strongest head of all? The same questions:

# %%
for site in ["L23.H3.q", "L23.KV1.k", "L23.KV1.v", "L23.KV1.v@S2"]:
    print(f"{site:13} effect {exp.patch(site).effect:+.2f}")
without_h3 = exp.patch("L23.KV1.v@S2", pw.Patch("L23.H3", "host"))
print(f"L23.KV1.v@S2 with L23.H3 frozen: effect {without_h3.effect:+.2f}")
for path in ["L0.mlp_out->L23.KV1.v", "L17.H4@S2->L23.KV1.v", "L20.H0->L23.H3.q"]:
    print(f"{path:22} effect {exp.path(path).effect:+.2f}")

# %% [markdown]
# It acts through its values at `S2`, +6.20 (`KV1` are the keys and values of the heads 3 to 5; with L23.H3 frozen their
# effect is −0.74, so what helps goes through L23.H3). The edge from the first MLP alone brings +3.22 (in lecture 1,
# what this MLP makes of the word at `S2` carried nearly all of the difference). L17.H4 brings it next to nothing,
# −0.07, and L20.H0 works against the answer here, −0.39. So there are at least two ways from `S2` to the end. (In the
# picture below, a dotted line joins shared values to the one head that is drawn.)

# %%
two_ways = [
    "L17.H4@S2->L20.KV0.v",
    "L20.H0->L23.H0.q",
    "L23.H0->logits",
    "L0.mlp_out->L23.KV1.v",
    "L23.H3->logits",
]
ax = pw.plot.paths([exp.path(edge) for edge in two_ways], label=5, model=model)

# %% [markdown]
# ## A head that nobody misses
#
# L23.H0 is the end of the first way. Its direct effect is +1.68: the step from the corrupted run, where it looks at
# *John*, to the clean run, where it looks at *Mary*. (What it adds in the clean run alone, you will see below.) Now
# take it out of the clean run: put zeros in the place of what it says.
#
# **Predict.** The logit difference is +6.12. How far will it fall without L23.H0? Write it down.

# %%
noise = exp.flip()
gone = pw.Patch("L23.H0", pw.sources.zero())
without = noise.patch(gone)
print(
    f"clean {exp.clean.value:+.2f}   without L23.H0 {without.value:+.2f}   effect {without.effect:+.2f}"
)

# %% [markdown]
# It falls by 0.01: as if the head did nothing. Or does something else change as well, and make up for the loss? You
# know how to find out: freeze it, so that it stays as it was in the clean run. Here is one head that comes later:

# %%
frozen = pw.Patch("L27.H3", "host")
print(f"L23.H0 gone, L27.H3 frozen: effect {noise.patch(gone, frozen).effect:+.2f}")

# %% [markdown]
# **Exercise 4.** Which head has to be frozen, so that the loss of L23.H0 costs most?

# %% tags=["exercise"]
answer = ...
check.backup(answer, gone="L23.H0")

# %% tags=["solution"]
later = [f"L{layer}.H{head}" for layer in range(24, 30) for head in range(9)]
costs = noise.sweep(
    sites=[[gone, pw.Patch(head, "host")] for head in later], batch=16, progress=False
).effect.values
for i in costs.argsort()[:3]:
    print(f"{later[i]} frozen: effect {costs[i]:+.2f}")
answer = later[costs.argmin()]
check.backup(answer, gone="L23.H0")

# %% [markdown]
# What does it do? Take the logit difference apart into what each component adds, with and without L23.H0 (and with
# L24.H4 frozen as well). The final norm divides the stream by its size. In the table each part is divided by the size
# in the clean run; the column `norm` is the difference that the run's own size makes. And look where L24.H4 looks:

# %%
held = noise.patch(gone, pw.Patch("L24.H4", "host"))
runs = {"clean": exp.clean, "L23.H0 gone": without.run, "L24.H4 frozen": held.run}
print("               L23.H0   L24.H4   all others   norm      sum")
adds = {}
for name, run in runs.items():
    frame = run.logit_attribution(scale_of=exp.clean).to_frame().set_index("part")["contribution"]
    adds[name] = [frame["L23.H0"], frame["L24.H4"], frame.drop(["L23.H0", "L24.H4"]).sum()]
    whole = run.values["logit_diff"]
    adds[name] += [whole - frame.sum(), whole]
    change = [after - before for before, after in zip(adds["clean"], adds[name], strict=True)]
    print(f"{name:13}", *(f"{number:+z8.2f}" for number in adds[name]))
    if name != "clean":
        print("       change", *(f"{number:+z8.2f}" for number in change))
print()
for name, run in list(runs.items())[:2]:
    print(f"{name:11} L24.H4 looks at   {looks('L24.H4', run, 'IO', 'S1')}")
for path in ["L23.H0->L24.H4.q", "L23.H3->L24.H4.q", "L20.H0->L24.H4.q"]:
    print(f"{path}: effect {exp.path(path).effect:+.2f}")

# %% [markdown]
# L24.H4 looks at *Mary* and takes 1.07 away from her lead: it is a **negative head**. The edges say what its queries
# read: L23.H0 and L23.H3, whose clean outputs make it take more away (−0.83 and −1.88). L20.H0 is hardly read there,
# +0.02. With L23.H0 gone, L24.H4 looks at *Mary* with .47 instead of .81, and takes only 0.44. The loss is 0.82, and
# 0.15 more in all other components together. Nearly all of it is made up: 0.63 by L24.H4, and 0.32 by the final norm,
# which divides by the size of the stream: without L23.H0 the stream is shorter, so all that is left counts more. With
# L24.H4 frozen the norm gives nearly the same, 0.31, but the others lose 0.47 in place of 0.15, and the loss is 0.98,
# more than the 0.82 of L23.H0 itself. So a part of what L24.H4 makes up goes through components after it.
#
# This is called **self-repair**, and L24.H4 is a **backup** of L23.H0 here: not a head that wakes up, but one that
# lets go. An ablation that costs nothing is no proof that a head does nothing.
#
# ## What it hides
#
# It hides effects in the other direction too: if an earlier head brings *Mary* back, L24.H4 can take a part away
# again.
#
# **Exercise 5.** L20.H0 has a total effect of +2.50. How much would it be with L24.H4 frozen, and what fraction of that
# is hidden? Write it as a number between 0 and 1.

# %% tags=["exercise"]
answer = ...
check.hidden(answer, head="L20.H0", by="L24.H4")

# %% tags=["solution"]
calm = pw.Patch("L24.H4", "host")
answer = 1 - exp.patch("L20.H0").effect / exp.patch("L20.H0", calm).effect
check.hidden(answer, head="L20.H0", by="L24.H4")

# %%
calm = pw.Patch("L24.H4", "host")
for head in ["L23.H3", "L20.H0", "L23.H0", "L17.H4", "L29.H1"]:
    seen, real = exp.patch(head).effect, exp.patch(head, calm).effect
    print(f"{head}   seen {seen:+.2f}   L24.H4 frozen {real:+.2f}   hidden {1 - seen / real:z.0%}")

# %% [markdown]
# With L24.H4 frozen L20.H0 does +5.52, and more than half of that is hidden. (L24.H4 hardly reads L20.H0 itself: +0.02
# by its queries, and none of the ten largest edges of L20.H0 in the picture of its readers goes to it. So most of what
# it takes away reaches it through something in between. L23.H0, whose whole edge is −0.83, can be only a part of it.)
# L29.H1 comes after L24.H4, which cannot hide anything of it: 0 %, as it must be.
#
# Here is the frozen patch in the widget:

# %%
w.select("L20.H0", calm)
w

# %% [markdown]
# **Predict.** L23.H3 and L20.H0 bring back +6.77 and +2.50 alone. Jointly: less than the sum, as much, or more?

# %%
both = ["L23.H3", "L20.H0"]
for name, more in {"nothing frozen": [], "L24.H4 frozen": [calm]}.items():
    added = sum(exp.patch(head, *more).effect for head in both)
    jointly = exp.patch(*both, *more).effect
    print(f"{name:14}  sum {added:+.2f}   jointly {jointly:+.2f}   excess {jointly - added:+.2f}")
for sites in [both[:1], both[1:], both]:
    taken = exp.patch(*sites, calm).effect - exp.patch(*sites).effect
    print(f"L24.H4 takes {taken:.2f} from {' + '.join(sites)}")

# %% [markdown]
# More, by 2.15, as if they needed each other. With L24.H4 frozen the excess is −0.48: they do not. L24.H4 takes 2.1
# from the one and 3.0 from the other, and from both jointly not the sum of this, but 2.5.
#
# ## Sixteen pairs
#
# All of this was one pair of prompts. Which of it is the model, and which is *Mary* and *John*?

# %%
many = pw.Experiment(model, pw.tasks.ioi(16))


def interval(numbers):
    mean, half = numbers.mean(), 2.131 * numbers.std(ddof=1) / 4
    return f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"


results = []
for head in ["L23.H3", "L20.H0", "L23.H0", "L17.H4"]:
    seen, real = many.patch(head), many.patch(head, calm)
    more = real.per_pair.effect - seen.per_pair.effect
    print(
        f"{head}   hidden {1 - seen.effect / real.effect:.0%}   in logits {interval(more)}, "
        f"in {(more > 0).sum()} of 16 pairs"
    )
    results += [seen, real]
ax = pw.plot.pairs(*results)

# %% [markdown]
# A row with "+ L24.H4" has this head frozen. "In logits" is what L24.H4 hides, the difference of the two rows: the mean
# over pairs, and in square brackets its interval of 95 % (the standard deviation over the root of 16, times 2.131, the
# quantile of Student's distribution). L24.H4 hides about half of each of the four heads, 47 to 65 %, and all four
# intervals lie above 0. It is not a matter of one pair.
#
# The edges, over the same pairs:

# %%
paths = [
    "L17.H4@S2->L20.KV0.v",
    "L20.H0->L23.H0.q",
    "L20.H0->L23.H3.q",
    "L20.H0->logits",
    "L23.H0->logits",
    "L23.H0->L24.H4.q",
]
edges = [many.path(path) for path in paths]
for path, r in zip(paths, edges, strict=True):
    one = exp.path(path).effect
    print(f"{path:21} one pair {one:+.2f}   16 pairs {interval(r.per_pair.effect)}")
ax = pw.plot.pairs(*edges)

# %% [markdown]
# **Exercise 6.** Which of these edges do you withdraw, because their intervals over sixteen pairs contain 0? Write a
# list, as `["L9.H6->logits", ...]`.

# %% tags=["exercise"]
answer = ...
check.unclear(answer, edges)

# %% tags=["solution"]
answer = ["L20.H0->L23.H3.q", "L20.H0->logits"]
check.unclear(answer, edges)

# %% [markdown]
# "L20.H0 writes against the answer itself" was true of one pair, and is no rule. The three edges from L17.H4 through
# L20.H0 and L23.H0 to the logits hold.
#
# **Predict.** And the head that nobody misses? Will its loss cost nothing on average? And with L24.H4 frozen?

# %%
turned = many.flip()
for name, source in {"zeros": pw.sources.zero(), "corrupted run": "source"}.items():
    live = turned.patch(pw.Patch("L23.H0", source)).per_pair.effect
    held = turned.patch(pw.Patch("L23.H0", source), calm).per_pair.effect
    print(f"{name}: nothing frozen   {interval(live)}")
    print(f"{'':{len(name)}}  L24.H4 frozen    {interval(held)}")
    print(f"{'':{len(name)}}  difference       {interval(held - live)}")

# %% [markdown]
# With zeros, the loss of L23.H0 cannot be told from 0, and with L24.H4 frozen it can. Is this a proof that L24.H4 makes
# up for it? Look at the third line: the interval of the *difference* still contains 0, barely. **That one number is
# clear and another is not does not make their difference clear.** With the values of the corrupted run in place of
# zeros the difference itself is clear: −1.11, and its interval lies below 0.
#
# ## Recap
#
# - A total effect is what a head writes itself and what others do with it, and the two can have opposite signs. L20.H0
#   on the first pair: +2.50 in total, −0.48 directly.
# - Paths say who reads whom: L17.H4 at `S2`, then the values of L20.H0, then the queries of L23.H0, which turns to
#   *Mary*. L23.H3 reads the word at `S2` on a way of its own.
# - Without L23.H0 the first pair loses 0.01, with L24.H4 frozen as well 0.98: a head that takes less away hides the
#   loss.
# - Over sixteen pairs L24.H4 hides 47 to 65 % of four heads. Two edges of six did not hold.
# - Ask for the interval of the difference, not for two intervals.
#
# **To read:** Wang et al., *Interpretability in the Wild* (2022), who found name movers, negative heads and backups in
# GPT-2; Goldowsky-Dill et al., *Localizing Model Behavior with Path Patching* (2023); McDougall et al., *Copy
# Suppression* (2023), on what heads like L24.H4 do; McGrath et al., *The Hydra Effect* (2023), and Rushing and Nanda,
# *Explorations of Self-Repair in Language Models* (2024), on what ablations hide.
