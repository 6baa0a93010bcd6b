"""The nouns, frozen, in the order in which data flows through them.

Case -> Request -> Completion (or CallFailure) -> Verdict -> Judgement -> Record.
"""

from pytest_llmupgrade.model.call import (
    Answer,
    CallFailure,
    Completer,
    Completion,
    FailureKind,
    Origin,
    Request,
    ToolCall,
    Usage,
)
from pytest_llmupgrade.model.case import NEGATION, Case, JudgeSpec, ModelRule, PassRule, PromptUse
from pytest_llmupgrade.model.judging import Judge, JudgeCall, Judgement, Verdict
from pytest_llmupgrade.model.record import JUDGED, Outcome, Record, RecordedError, Repeat
from pytest_llmupgrade.model.spec import Api, ModelSpec, Price
from pytest_llmupgrade.model.values import Json, JsonObject

__all__ = [
    "JUDGED",
    "NEGATION",
    "Answer",
    "Api",
    "CallFailure",
    "Case",
    "Completer",
    "Completion",
    "FailureKind",
    "Json",
    "JsonObject",
    "Judge",
    "JudgeCall",
    "JudgeSpec",
    "Judgement",
    "ModelRule",
    "ModelSpec",
    "Origin",
    "Outcome",
    "PassRule",
    "Price",
    "PromptUse",
    "Record",
    "RecordedError",
    "Repeat",
    "Request",
    "ToolCall",
    "Usage",
    "Verdict",
]
