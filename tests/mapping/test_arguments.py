"""Filters and tests are refused if their names or arguments would fail for every event."""

import pytest

from connector.mapping.expression import ExpressionError, compile_condition

WRONG = {
    "x | uper": "did you mean `upper`?",
    "x is ood": "did you mean `odd`?",
    "x | map('uper')": "did you mean `upper`?",
    "'a' in (x | map('uper'))": "did you mean `upper`?",
    "x | map('select', 'ood')": "did you mean `odd`?",
    "x | select('ood')": "did you mean `odd`?",
    "x | reject('upper', 1)": "`upper` takes no arguments",
    "x | selectattr('a', 'eqq', 1)": "did you mean `eq`?",
    "x | rejectattr('a', 'eq')": "`eq` takes these arguments: b; it needs b",
    "x | select('map')": "no test has the name `map`",
    "x | tojson": "did you mean `to_json`?",
    "x | map": "`map` needs the name of a filter",
    "x | map(upper)": "`map` needs the name of a filter, in quotes",
    "x | map(attribut='a')": "`map` needs the name of a filter",
    "x | map('replace', 'a')": "`replace` takes these arguments: old, new, count; it needs",
    "x | select(attribute='a')": "`select` needs the name of a test",
    "x | selectattr": "`selectattr` needs the name of a field",
    "x | default(1, 2, 3)": "`default` takes these arguments: default, boolean",
    "x | join(sep=',')": "`join` takes these arguments: d, attribute",
    "x | join(',', d='a')": "`join` takes these arguments",
    "x | upper(1)": "`upper` takes no arguments",
    "x | first(1)": "`first` takes no arguments",
    "x | attribute": "it needs name",
    "x | upper(*y)": "write each argument",
    "x | upper(**y)": "write each argument",
    "x is matching": "it needs pattern",
    "x is matching('a', 'b')": "`matching` takes these arguments: pattern",
    "x is imsi(1)": "`imsi` takes no arguments",
    "x | round('a')": "`round` cannot work with these arguments",
    "x | round(20)": "`round` cannot work with these arguments",
    "x | round(2, 'up')": "`round` cannot work with these arguments",
    "x | trim(5)": "`trim` cannot work with these arguments",
    "x is divisibleby(0)": "`divisibleby` cannot work with these arguments",
    "x is divisibleby('a')": "`divisibleby` cannot work with these arguments",
    "x is in(5)": "`in` cannot work with these arguments",
}
RIGHT = """
x | upper | map('upper') | list | map('replace', 'a', 'b') | map(attribute='a', default=1)
x | select | select('odd') | select('divisibleby', 3) | reject('in', [1, 2]) | list
x | selectattr('a') | selectattr('a', 'eq', 1) | rejectattr(y, 'matching', z) | list
x | default(1) | default(1, true) | default(y) | default({'a': [-1]}) | default(none)
x | join | join(',') | join(',', attribute='a') | sum(attribute='a') | int(0, 16)
x | sum('a') | sort(attribute='a', reverse=true) | unique(true) | min(attribute=1) | max
x | round | round(2) | round(2, 'floor') | round(y, z) | trim | trim('a') | replace('a', '', 1)
x is matching('a.*') or x is matching(y) or x is divisibleby 3 or x is divisibleby(y)
x is in(['a']) or x is in('abc') or x is eq(none) or x is ge(1) or x is lt('a') or x is ne(y)
x | attribute('a') | attribute('a', 'b') | attribute(name='a', group=y) | title | abs | float
""".strip().splitlines()


@pytest.mark.parametrize("source", WRONG)
def test_what_fails_for_every_event_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(source)
    assert WRONG[source] in str(caught.value)


@pytest.mark.parametrize("source", RIGHT)
def test_what_works_for_some_event_is_accepted(source: str) -> None:
    assert compile_condition(source).names
