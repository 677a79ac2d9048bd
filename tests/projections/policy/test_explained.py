"""The policy explained: nothing of it lacks words, and what the explanation says may be written there holds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from projections.policy.explained import SETTINGS, Section, Setting, sections
from projections.policy.policy import Policy, PolicyError, default, from_document

OF_SECTIONS = {section.name: section for section in sections()}
EVERY = [(section, setting) for section in sections() for setting in section.settings]


def document(section: Section, setting: Setting, value: Any) -> dict[str, Any]:
    """The shipped policy with another value of a setting."""
    changed = default().document()
    changed[section.name] = changed.get(section.name, {}) | {setting.name: value}
    return changed


def test_every_section_and_setting_has_words() -> None:
    assert [*OF_SECTIONS] == [name for name in OF_SECTIONS if name in Policy.__struct_fields__]
    assert {*OF_SECTIONS} == {*Policy.__struct_fields__} - {"lexicon"}
    assert {f"{section.name}.{setting.name}" for section, setting in EVERY} == {*SETTINGS}
    titles = [setting.title for _, setting in EVERY]
    assert len(titles) == len({*titles})


@pytest.mark.parametrize(("section", "setting"), EVERY, ids=lambda one: one.name)
def test_the_kind_is_that_of_the_shipped_value(section: Section, setting: Setting) -> None:
    value = default().document()[section.name].get(setting.name, setting.unless_given)
    kinds: dict[str, Any] = {
        "flag": bool,
        "number": (int, float),
        "text": str,
        "choices": (list, tuple),
        "texts": (list, tuple),
        "pairs": dict,
    }
    if setting.kind == "choice":
        assert value in setting.choices
    else:
        assert isinstance(value, kinds[setting.kind])
        assert {*setting.choices} >= ({*value} if setting.kind == "choices" else set())


@pytest.mark.parametrize(("section", "setting"), EVERY, ids=lambda one: one.name)
def test_choices_and_limits_are_those_of_the_policy(section: Section, setting: Setting) -> None:
    ends = [end for end in (setting.lowest, setting.highest) if end is not None]
    fitting: list[Any] = [[choice] if setting.kind == "choices" else choice for choice in setting.choices]
    if section.name != "relevance":  # where medium is not above high
        fitting += [int(end) if float(end).is_integer() else end for end in ends]
    for value in fitting:
        from_document(document(section, setting, value))
    wrong: list[Any] = [setting.highest + 1] if setting.highest is not None else []
    wrong += [setting.lowest - 1] if setting.lowest is not None else []
    wrong += [["no such choice"] if setting.kind == "choices" else "no such choice"] if setting.choices else []
    for value in wrong:
        with pytest.raises(PolicyError, match=f"{section.name}.{setting.name}"):
            from_document(document(section, setting, value))


@pytest.mark.parametrize("name", [name for name, section in OF_SECTIONS.items() if section.is_optional])
def test_what_a_section_begins_with_makes_a_policy(name: str) -> None:
    without = {key: value for key, value in default().document().items() if key != name}
    assert from_document(without).digest != default().digest
    begun = {one.name: one.unless_given for one in OF_SECTIONS[name].settings if one.unless_given is not None}
    assert from_document(msgspec.to_builtins(without | {name: begun})).digest == default().digest


def test_what_a_document_leaves_out_is_as_explained() -> None:
    for section, setting in EVERY:
        changed = default().document()
        given = changed[section.name]
        if setting.name in given or setting.unless_given is None or section.is_optional:
            continue
        assert from_document(document(section, setting, setting.unless_given)).digest == default().digest
