"""The results of tests as JUnit XML, which the servers of continuous integration read."""

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from connector_tools.mapping_tests.report import FileReport


def junit(reports: Iterable[FileReport]) -> bytes:
    """A suite for each file, with a case for each test.

    The case `the tests reach everything` fails if there are lints; a file with errors has only
    this case.
    """
    root = Xml.Element("testsuites", name="connector test")
    for report in reports:
        suite = Xml.SubElement(root, "testsuite", name=str(report.file))
        for result in report.results:
            case = _case(suite, report, result.case.name, report.line(result), result.seconds)
            if result.problems:
                _failure(case, result.problems)
        if report.lints or report.coverage:
            case = _case(suite, report, "the tests reach everything", 1, 0.0)
            if report.lints:
                _failure(case, [str(lint) for lint in report.lints])
        cases, failures = suite.findall("testcase"), suite.findall("testcase/failure")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(len(failures)))
        suite.set("time", f"{sum(result.seconds for result in report.results):.3f}")
    Xml.indent(root)
    text: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _case(
    suite: Xml.Element, report: FileReport, name: str, line: int, seconds: float
) -> Xml.Element:
    return Xml.SubElement(
        suite,
        "testcase",
        classname=report.file.stem,
        name=_clean(name),
        file=str(report.file),
        line=str(line),
        time=f"{seconds:.3f}",
    )


def _failure(case: Xml.Element, problems: list[str]) -> None:
    failure = Xml.SubElement(case, "failure", message=_clean(problems[0]))
    failure.text = _clean("\n".join(problems))


def _clean(text: str) -> str:
    """The text without characters that XML cannot have."""
    return "".join(char if char.isprintable() or char in "\t\n" else "?" for char in text)
