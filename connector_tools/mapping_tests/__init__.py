"""Runs the tests and stories inside a mapping file.

run           each test and story, and its result
bench         the real pipeline and client over a scripted network, and what is compared;
              scripted_system: its system
events        the event of a test: a file, with the changes of the test
story_events  the events of a story, with ids and times of their own
values        the values of settings in tests
seen          notes what the tests reach: a copy of the mapping that notes each evaluation
conditions    the conditions inside an expression
held          what tests must see of a resource
untested      lints for what no test reaches
difference    the differences of a call, one for each field
coverage      the branches of a mapping file, and those that no test reaches
report        the results of a file as lines and as a document; junit: as JUnit XML
skeleton      the first tests of a file that has none
"""

from connector_tools.mapping_tests.events import event_of
from connector_tools.mapping_tests.run import CaseResult, run_cases
from connector_tools.mapping_tests.untested import untested
from connector_tools.mapping_tests.values import test_settings

__all__ = ["CaseResult", "event_of", "run_cases", "test_settings", "untested"]
