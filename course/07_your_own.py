# %% [markdown]
# # 7 · Your own
#
# You have a model and a list of prompts. **What does it take to get from there to a figure that you can defend?**
# Tables have mistakes, models get pairs wrong, and a head that brings the answer back need not be the whole story.
#
# Put your own model and your own table into this notebook: both are variables. As it is, it uses the teaching model and
# a table with six mistakes. It takes 45 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 15 minutes for the table, 10 for heads and circuits, 10 for the figure, 10 for the files.
# > With another model or table, all checks compute their answers anew; the numbers in the text are those of the
# > teaching model. Let people read the errors aloud before they repair anything, and ask for a show of hands before
# > anybody presses *Keep only*. What goes wrong most often: rows are deleted instead of repaired, and recovery is taken
# > for faithfulness.

# %%
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import patchwidgets as pw

MODEL = None  # the teaching model; or "smollm2", a name on the Hugging Face hub, a folder
model = pw.load(MODEL)
folder = Path(mkdtemp())
check = pw.course.YourOwn(model)
model

# %% [markdown]
# ## A table
#
# A task is a CSV file with the columns clean, corrupted, answer and foil, and a pair in each row. Spaces count: an
# answer begins with the space that stands before the word. Here is one, as people type them:

# %%
table = """\
clean,corupted,answer,foil
"When Mary and John went to the store, John gave a drink to","When Mary and John went to the store, Mary gave a drink to", Mary, John
"When Tom and Lisa went to the park, Lisa gave a book to","When Tom and Lisa went to the park, Tom gave a book to", Tom, Lisa
"When Emma and Paul went to the school, Paul gave a ring to","When Emma and Paul went to the school, Emma gave a ring to", Emma,
"When Kate and Mark went to the beach, Mark gave a ball to","When Kate and Mark went to the beach, Kate gave a ball to",Kate, Mark
"When Sam and Rose went to the farm, Rose gave a map to","When Sam and Rose went to the farm, Sam gave a map to", Rose, Sam
"When Anna and Jack went to the lake, Jack gave a hat to","When Anna and Jack went to the lake, Anna gave a new hat to", Anna, Jack
"When Nina and Luke went to the hotel, Luke gave a key to","When Nina and Luke went to the hotel, Luke gave a key to", Nina, Luke
"When Adam and Jane went to the river, Jane gave a cup to","When Adam and Jane went to the river, Adam gave a cup to", Adam, Jane
"""
check.table(table, table)

# %% [markdown]
# **Exercise 1.** Repair the table until it loads with all of its eight pairs. Each error says where the next mistake is
# (rows count as in a spreadsheet, pairs from 0). Write the repaired text, or a chain of `table.replace(old, new)`.
#
# **Predict.** Errors find mistakes of form. Which mistake can no error find?

# %% tags=["exercise"]
mended = ...
check.table(mended, table)

# %% tags=["solution"]
repairs = {
    "corupted": "corrupted",
    ", Emma,\n": ", Emma, Paul\n",
    ",Kate,": ", Kate,",
    "a new hat": "a hat",
    'hotel, Luke gave a key to", Nina': 'hotel, Nina gave a key to", Nina',
}
mended = table
for old, new in repairs.items():
    print(check.table(mended, table))
    mended = mended.replace(old, new)
check.table(mended, table)

# %% [markdown]
# Five mistakes are found by errors. Here is the table with these five repaired, so that all go on with the same one:

# %%
path = folder / "pairs.csv"
mended = table.replace("corupted", "corrupted").replace(", Emma,\n", ", Emma, Paul\n")
mended = mended.replace(",Kate,", ", Kate,").replace("a new hat", "a hat")
mended = mended.replace('Luke gave a key to", Nina', 'Nina gave a key to", Nina')
path.write_text(mended, encoding="utf-8")

task = pw.Task.from_csv(path)
exp = pw.Experiment(model, task)
print(f"{len(task)} pairs, accuracy {exp.accuracy:.3f}")

# %% [markdown]
# The sixth mistake has no error. A pair counts as right if the clean run prefers the answer to the foil, and the
# corrupted run the foil to the answer. The accuracy is below 1: on one pair the model does not say what the table says.
# Either the model is wrong there, or the table is.
#
# **Exercise 2.** Which pair is it? Look at `exp.correct()`, and write its number, counted from 0.

# %% tags=["exercise"]
answer = ...
check.wrong_pairs(answer, exp)

# %% tags=["solution"]
print(exp.correct().tolist())
answer = 4
check.wrong_pairs(answer, exp)

# %%
for i, is_right in enumerate(exp.correct()):
    if not is_right:
        print(f"pair {i}: {task[i].clean} ->{task[i].answer}, not{task[i].foil}?")
path.write_text(mended.replace(", Rose, Sam", ", Sam, Rose"), encoding="utf-8")
task = pw.Task.from_csv(path)
exp = pw.Experiment(model, task)
print(f"{len(task)} pairs, accuracy {exp.accuracy:.3f}")

# %% [markdown]
# Rose gives the map, so *Sam* gets it: the table has answer and foil the wrong way round, and the model is right. So
# repair this row too. Where the *model* is wrong, `task.where(exp.correct())` leaves the pair out. Say in your paper
# how many you left out, and why.
#
# ## A head
#
# Patch every head once:

# %%
heads = exp.sweep("z", progress=False)
best = heads.top_sites(1)[0]
single = exp.patch(best)
of_pairs = single.per_pair.recovery
print(f"{best}: recovery {single.recovery:.3f}")
print(f"single pairs: from {of_pairs.min():.2f} to {of_pairs.max():.2f}")
ax = pw.plot.pairs(*[exp.patch(site) for site in heads.top_sites(3)], quantity="recovery")

# %% [markdown]
# ## Is it the circuit?
#
# A patch changes one head, and everything after it responds. A **circuit** is asked more: run the clean prompt, and
# write into all *other* heads and MLPs what they have in the corrupted run. The share of the difference that stays is
# the circuit's **faithfulness**.
#
# **Predict.** The head alone brings back all of the difference. If you keep *only* this head, how much stays? Write it
# down.
#
# Then find out: in the widget, press **Keep only** (or `C`). Add a component by shift-click, and press it again. How
# many does it take until most of the difference stays?

# %%
w = exp.explore(best)
w

# %% [markdown]
# **Exercise 3.** What is the faithfulness of the circuit that is this one head?

# %% tags=["exercise"]
answer = ...
check.faithfulness(answer, exp)

# %% tags=["solution"]
answer = exp.evaluate(pw.Circuit([best])).faithfulness
check.faithfulness(answer, exp)

# %%
parts = exp.sweep(sites=[*model.sites("z"), *model.sites("mlp_out")], progress=False)
members = parts.top_sites(5)
for n in range(1, 6):
    kept_only = exp.evaluate(pw.Circuit(members[:n]))
    print(
        f"{n}: {'with' if n == 1 else 'and':4} {members[n - 1]:10} faithfulness {kept_only.faithfulness:.3f}"
    )
only_head = exp.evaluate(pw.Circuit([best]))
print(f"without the head: {only_head.completeness:.3f}")

# %% [markdown]
# The head alone keeps .143. With the MLPs of the layers 0 and 1 it is .808: three components keep most of the
# difference. With all four MLPs it is 1.017, a little beyond the whole model. And everything *but* the head keeps .003
# (this is the **completeness** of the circuit). So the head is needed. It is enough as well, but only with MLPs that
# respond to it.
#
# ## A figure
#
# `faithfulness_curve` does the same over the number of components, those with the largest **score** first, beside
# random circuits. (The score is here the size of the effect of the component alone, in `parts`.) `panels` puts plots
# together, and `fig_caption` writes what is to be seen, with the numbers, for LaTeX.

# %%
curve = exp.faithfulness_curve(parts, fractions=[n / 20 for n in range(1, 21)], progress=False)
with pw.plot.style("paper", "page"):
    figure = pw.plot.panels(
        "ab", a=partial(pw.plot.heatmap, heads), b=partial(pw.plot.faithfulness, curve)
    )
figure.savefig(folder / "figure.pdf")
print("(a)", pw.plot.fig_caption(heads))
print("(b)", pw.plot.fig_caption(curve))

# %% [markdown]
# Read the caption as a reviewer would: which model, which direction, which metric, how many pairs? The band holds nine
# in ten of 20 random circuits, which have as many components in each layer. Where a curve runs inside it, some random
# circuits do as well: here from about two thirds of the components on. At one and two components the curve touches the
# band's edge: with one component of five drawn in a layer, a few of the 20 hold the best ones by luck. Two areas sum
# the curve up: CPR, *circuit performance ratio*, under it, and CMD, *circuit-model distance*, between it and 1. Both
# are taken over the fraction itself, not over the logarithmic axis that is drawn, and from the first point to the last,
# 1/20 to 1: a curve that is 1 all the way has a CPR of 19/20 and a CMD of 0.
#
# ## Files
#
# A saved page is the explorer for readers without Python: one HTML file, which answers clicks from what was computed
# before. The sweep is saved as netCDF, for your own analyses.

# %%
exp.to_html(folder / "page.html", best)
heads.save(folder / "heads.nc")
again = pw.SweepResult.load(folder / "heads.nc")
print(sorted(file.name for file in folder.iterdir()))
print(f"{again.top_sites(1)[0]}: {float(again.recovery.max()):.3f}")

# %% [markdown]
# **Exercise 4.** Save the explorer above by `w.save(folder / "session.json")`. Open the file with `pw.open`, so that it
# answers clicks, and make what it returns your answer.

# %% tags=["exercise"]
answer = ...
check.opened(answer, w)

# %% tags=["solution"]
w.save(folder / "session.json")
answer = pw.open(folder / "session.json", model)
check.opened(answer, w)

# %% [markdown]
# The file has the task, the metric, what is selected, and the history with its numbers. `pw.open` can read it without a
# model as well.
#
# ## Recap
#
# - Errors name the row, the column and the token; the accuracy finds what no error can: one pair of eight here.
# - Repair what the table has wrong. What the model gets wrong, `task.where(exp.correct())` leaves out: report it.
# - A recovery of 1.005 and a faithfulness of .143 belong to the same head. The one lets everything else respond, the
#   other keeps it still.
# - A figure goes with its caption: model, direction, metric, number of pairs.
#
# **Now yours.** Set `MODEL`, replace `table`, run all. Before you look at the map, write down what you expect.
#
# **To read:** Marks et al., *Sparse Feature Circuits* (2024), whose faithfulness and completeness are used here; Wang
# et al., *Interpretability in the Wild* (2022), with other definitions of both words; Zhang and Nanda, *Towards Best
# Practices of Activation Patching* (2023); Mueller et al., *MIB: A Mechanistic Interpretability Benchmark* (2025).
