"""Patterns: the time that they take, what they mean, and which are refused."""

import re
import signal
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.expression import Scope, compile_condition
from connector.mapping.pattern import BadPattern, compiled
from connector.mapping.setting import Setting, resolve
from connector.settings import BadSettings

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result


@pytest.fixture
def five_seconds() -> Iterator[None]:
    """Fail after five seconds of CPU time; Python's `re` looks for signals while it searches."""
    before = signal.signal(signal.SIGVTALRM, lambda *_: pytest.fail("it takes too long"))
    signal.setitimer(signal.ITIMER_VIRTUAL, 5)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("five_seconds")
@pytest.mark.parametrize(
    "pattern",
    [
        "([A-Za-z]+ ?)+",
        "(a+)+",
        "(a|a)*",
        "(a|aa)+",
        "(.*)*x",
        "(.*a){12}",
        "(a?){50}a{50}b",
        ".*.*.*x",
    ],
)
def test_a_pattern_takes_time_in_proportion_to_the_text(pattern: str) -> None:
    """Python's `re` needs more than 25 seconds for the first one and 31 letters and a digit."""
    assert compiled(pattern).matches("a" * 10_000 + "1") is False


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("", 1),
        ("[0-9]{1,15}", 15),
        ("(?:00101).*", 7),
        ("((ab){3}c){2,4}|d", 29),
        (r"a\{{5}[)(]", 7),
        ("a{2,}", 2),
        ("a{3}{4}", 12),
        ("(a{100}){100}", 10_000),
    ],
)
def test_the_size_of_a_pattern_counts_its_repetitions(pattern: str, size: int) -> None:
    assert size <= compiled(pattern).size <= size + 2


def test_a_text_that_is_too_long_for_the_size_of_the_pattern_is_refused() -> None:
    """The engine would need seconds: for each character it follows 400 places of the pattern."""
    scope = Scope(text="ab" * 10_000)
    with pytest.raises(ValueError, match="50,000 steps"):
        compile_condition("text is matching('(a|b)*a(a|b){400}c')").evaluate(scope)
    assert scope.meter.left < 0


# The same meaning as in Python's `re`

ATOMS = st.sampled_from(
    r"a b 0 é я . \. \d \D \w \W \s \S \b [ab] [^a] [a-z0-9] []a] [^]a] [\d_] [\w.-] [a\]] ^ $ \A "
    r"\x41 \u044f \t \n \- \/ \{ (?i:a) (?s:.) (?m:^) [.*+(){}]".split()
)
COUNTS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{1,3}?"])


def counted(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.sampled_from(["({})", "(?:{})"])
    joined = st.lists(inner, min_size=1, max_size=4).map("".join)
    either = st.lists(joined, min_size=1, max_size=3).map("|".join)
    return st.builds(lambda form, text, count: form.format(text) + count, group, either, COUNTS)


PARTS = st.recursive(ATOMS, counted, max_leaves=4)
PATTERNS = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "(?i)", "(?s)"]),
    st.lists(st.builds("{}{}".format, PARTS, COUNTS), max_size=3).map("".join),
)
TEXTS = st.text("abAB019 .é_яЯ\t-/{]", max_size=8)


@settings(max_examples=300)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=5))
def test_a_pattern_means_the_same_as_in_python(pattern: str, texts: list[str]) -> None:
    try:
        theirs = re.compile(pattern)
    except (re.error, FutureWarning):
        return
    try:
        ours = compiled(pattern)
    except BadPattern:
        return
    for text in texts:
        assert ours.matches(text) is (theirs.fullmatch(text) is not None)


@pytest.mark.parametrize("text", ["a", "a1", "", "Anna Nováková", "Олена", "12", "٣", "a\nb"])
@pytest.mark.parametrize(
    "pattern", ["[a-z]+", ".*", r"\w+( \w+)*", r"\d+", "", "(?s).*", "(?i)A.?"]
)
def test_an_ordinary_pattern_is_compiled_and_means_the_same_as_in_python(
    pattern: str, text: str
) -> None:
    assert compiled(pattern).matches(text) is (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\w", "\u0301", True),  # a combining mark, as in a decomposed é
        (r"\w", "²", False),
        (r"\s", "\x1c", False),
        ("(?i)i", "\u0131", False),  # the Turkish letter
        ("a$\n", "a\n", False),  # `$` is the end of the text only
    ],
)
def test_the_page_on_mappings_names_what_differs_from_python(
    pattern: str, text: str, matches: bool
) -> None:
    assert compiled(pattern).matches(text) is matches
    assert (re.fullmatch(pattern, text) is not None) is not matches


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unclosed group"),
        ("a)|(b", "unopened group"),
        ("[z-a]", "invalid character class range"),
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "backreferences"),
        ("(?P<n>a)(?P=n)", "unrecognized flag"),
        ("(?a)b", "unrecognized flag"),
        (r"a\Z", "unrecognized escape"),
        ("a{", "unclosed counted repetition"),
        ("a{ 1 }", "write `\\{`"),
        ("a++", "possessive"),
        ("a{2}+", "possessive"),
        ("(?x) a # b", "the flag `x`"),
        (r"\<a", "are not allowed"),
        (r"a\b{start}", "are not allowed"),
        ("[[:alpha:]]", "in a set"),
        ("[a&&b]", "in a set"),
        ("[a--b]", "in a set"),
        (r"\w{1000}", "size limit"),
        ("a" * 1001, "more than 1000 characters"),
        ("(" * 300 + ")" * 300, "maximum number of nested"),
    ],
)
def test_a_pattern_that_the_engine_cannot_run_or_would_misread_is_refused(
    pattern: str, reason: str
) -> None:
    with pytest.raises(BadPattern) as caught:
        compiled(pattern)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "refused"), [("(?!00101).*", True), ("^(00101|00102)", False)])
def test_a_setting_that_is_a_pattern_is_compiled_at_the_start(text: str, refused: bool) -> None:
    setting = Setting.model_validate({"env": "IMSI_REGEXP", "type": "pattern"})
    if not refused:
        assert resolve("cards", {"range": setting}, lambda _: text) == {"range": text}
        return
    with pytest.raises(BadSettings, match="IMSI_REGEXP: must be a regular expression: look-around"):
        resolve("cards", {"range": setting}, lambda _: text)


def test_patterns_do_not_fill_the_memory() -> None:
    for number in range(1000):
        compiled(f"a{number}")
    assert compiled.cache_info().currsize <= 256
