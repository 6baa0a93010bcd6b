"""The judge `snapshot`: the answer is the recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Completion, Judge, Verdict
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.snapshots.entry import Call


def snapshot_judge(session: LlmSession) -> Judge:
    """Return the judge that passes where the answer is the recorded one; an update always passes."""

    def judge(completion: Completion, _case: Case) -> Verdict:
        from pytest_llmupgrade.errors import JudgeError
        from pytest_llmupgrade.judges.diff import diff
        from pytest_llmupgrade.model import Verdict

        page = session.book.page
        entry = page.entry if page is not None else None
        if session.options.snapshots.update:
            return Verdict(passed=True)
        if entry is None:
            raise JudgeError(
                "judge 'snapshot': no snapshot of this case; record it: pytest --snapshot-update"
            )
        said = [(call.answer, _calls_of(call)) for call in entry.calls]
        if (completion.text, _calls_of(completion)) in said:
            return Verdict(passed=True)
        return Verdict(False, f"not the recorded answer\n{diff(said[0][0], completion.text)}")  # noqa: FBT003  as judges write it

    return judge


def _calls_of(answer: Completion | Call) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in answer.tool_calls]
