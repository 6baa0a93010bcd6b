"""Names, places and national numbers, found by Presidio (extra `pii`), for what patterns alone cannot know.

With a spaCy model of the language installed it finds names and places; without one, what its recognisers know by pattern,
check digit and the words around it. Presidio was taken for its recognisers of many countries and its upkeep; imported only
when it is asked for, as it brings spaCy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.logs.redact import Span

_IMPERSONAL = frozenset(("DATE_TIME", "URL", "NRP", "AGE", "ORGANIZATION", "ID", "UUID"))
"""What Presidio finds and an eval case needs: dates and addresses of pages make the question."""
_SURE = 0.4
"""The score from which on a find counts: a phone number without a word that says so has it, an order number has not."""
_LARGEST = ("_trf", "_lg", "_md", "_sm")
_HINT = "--pii needs the extra 'pii': pip install 'pytest-llmupgrade[pii]'"


def finder(language: str, warn: Callable[[str], None]) -> Callable[[str], Sequence[Span]]:
    """Return what finds personal data in a text of a language (`en`); UsageError where the library or the language is missing."""
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    except ImportError:
        raise UsageError(_HINT) from None
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it logs what it was not configured for
    model = _model(language, spacy.util.get_installed_models())
    if model is None:
        warn(
            f"--pii {language}: no spaCy model of it is installed, so names and places stay; {_advice(language)}"
        )
    engine = _engine(language, model)
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
    kinds = sorted(set(analyzer.get_supported_entities(language)) - _IMPERSONAL)

    def found(text: str) -> Sequence[Span]:
        try:
            hits = analyzer.analyze(text=text, language=language, entities=kinds, score_threshold=_SURE)
        except Exception as error:  # noqa: BLE001  whatever the library raises; its words may quote the text
            raise UsageError(f"--pii: raised {type(error).__name__}; nothing was written") from None
        return tuple(_apart(hits))

    return found


def _model(language: str, installed: Sequence[str]) -> str | None:
    """Return the largest model of a language that is installed, None where there is none."""
    fitting = [name for name in installed if name.startswith(f"{language}_")]
    return min(fitting, key=_rank, default=None)


def _rank(name: str) -> int:
    return next((rank for rank, ending in enumerate(_LARGEST) if name.endswith(ending)), len(_LARGEST))


def _advice(language: str) -> str:
    name = f"{language}_core_{'web' if language in ('en', 'zh') else 'news'}_sm"
    return f"python -m spacy download {name}"


def _engine(language: str, model: str | None) -> Any:
    """Return Presidio's reader of texts: with a model of the language, or one that parts words alone."""
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model or "blank"}])
    try:
        nlp = spacy.load(model) if model else spacy.blank(language)
    except (ImportError, OSError) as error:
        raise UsageError(
            f"--pii {language}: {type(error).__name__}: no such language, or its model is broken"
        ) from None
    if model is None:
        nlp.add_pipe(_words(spacy.language.Language))
    engine.nlp = {language: nlp}
    return engine


def _words(language: Any) -> str:
    """Return the name of a step that gives words their plain form, by which recognisers look at what stands around."""

    def plain(document: Any) -> Any:
        for token in document:
            token.lemma_ = token.lower_
        return document

    language.component("llmupgrade_words", func=plain)
    return "llmupgrade_words"


def _apart(hits: Sequence[Any]) -> Iterator[Span]:
    """Yield finds that do not overlap, the surest first, then the longest."""
    taken: list[tuple[int, int]] = []
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.start - hit.end, hit.start)):
        if not any(hit.start < end and start < hit.end for start, end in taken):
            taken.append((hit.start, hit.end))
            yield hit.start, hit.end, str(hit.entity_type)
