"""Checks of the exercises of the course: they compute the right answer from the student's own experiment.

``check = pw.course.Splice(exp)``, then ``check.head("L9.H6")`` says whether that is right, and if not, what to look at.
Nothing is stored and nothing leaves the machine; a verdict is true where the answer is right, so that ``assert`` can
grade it. ``pw.course.quiz("quiz.html")`` makes a page of questions for a class; ``Quiz`` one of your own.
"""

from patchwidgets.course.enough_and_needed import EnoughAndNeeded
from patchwidgets.course.helix_lecture import Helix
from patchwidgets.course.induction import Induction
from patchwidgets.course.questions import Question
from patchwidgets.course.quiz import Quiz
from patchwidgets.course.real_circuit import RealCircuit
from patchwidgets.course.splice import Splice
from patchwidgets.course.teaching_quiz import quiz
from patchwidgets.course.what_goes_wrong import WhatGoesWrong
from patchwidgets.course.your_own import YourOwn

__all__ = [
    "EnoughAndNeeded",
    "Helix",
    "Induction",
    "Question",
    "Quiz",
    "RealCircuit",
    "Splice",
    "WhatGoesWrong",
    "YourOwn",
    "quiz",
]
