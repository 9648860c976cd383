"""Two kinds of tests besides lit's own, both of which report case by case:
GoogleTest programs (add_qcc_unittest) and the Python programs of test/e2e."""

import json
import os
import re
import subprocess
import tempfile

import lit.formats.base
import lit.Test
import lit.util


def run_cases(test, lit_config, command, read_cases):
    """Runs `command PATH`, which writes its cases as JSON to PATH, as one lit test
    with a micro result for each case. `read_cases` gives (name, code, text, seconds)."""
    if lit_config.noExecute:
        return lit.Test.Result(lit.Test.PASS)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "cases.json")
        try:
            out, _, status = lit.util.executeCommand(
                command(report),
                env=test.config.environment,
                timeout=lit_config.maxIndividualTestTime,
                redirect_stderr=True,
            )
        except lit.util.ExecuteCommandTimeoutException as e:
            seconds = lit_config.maxIndividualTestTime
            return lit.Test.Result(lit.Test.TIMEOUT, f"{e.out}\nstopped after {seconds} seconds")
        if not os.path.exists(report):
            return lit.Test.Result(lit.Test.FAIL, f"{out}\nended early, with exit status {status}")
        with open(report, encoding="utf-8") as f:
            cases = list(read_cases(json.load(f), out))
    return collect(cases, out, status)


def collect(cases, out, status):
    codes = [code for _, code, _, _ in cases]
    code = lit.Test.UNSUPPORTED if set(codes) == {lit.Test.UNSUPPORTED} else lit.Test.PASS
    if status != 0 or lit.Test.FAIL in codes or not cases:
        code = lit.Test.FAIL
    result = lit.Test.Result(code, out if cases else out + "\nran no case")
    for name, case_code, text, seconds in cases:
        result.addMicroResult(name, lit.Test.Result(case_code, text, seconds))
    return result


class UnitTests(lit.formats.base.TestFormat):
    """The programs listed in `index`; each of their test suites is one lit test."""

    def __init__(self, index):
        self.index = index

    def getTestsInDirectory(self, test_suite, path_in_suite, lit_config, local_config):
        if not os.path.exists(self.index):
            lit_config.warning(f"no unit tests: {self.index} is not there")
            return
        with open(self.index, encoding="utf-8") as f:
            programs = f.read().split()
        for program in programs:
            for suite in self.suites(program, lit_config, local_config):
                path = path_in_suite + (os.path.basename(program), suite.replace("/", "."))
                test = lit.Test.Test(test_suite, path, local_config, file_path=program)
                test.gtest_suite = suite
                yield test

    def suites(self, program, lit_config, local_config):
        command = [program, "--gtest_list_tests"]
        listing = subprocess.run(command, capture_output=True, text=True, env=local_config.environment)
        if listing.returncode != 0:
            lit_config.error(f"{program} cannot list its tests: {listing.stdout}{listing.stderr}")
            return []
        return [l.split("#")[0].strip().rstrip(".") for l in listing.stdout.splitlines() if re.match(r"\S+\.", l)]

    def execute(self, test, lit_config):
        def command(report):
            return [
                test.file_path,
                f"--gtest_filter={test.gtest_suite}.*",
                f"--gtest_output=json:{report}",
                "--gtest_color=no",
            ]

        return run_cases(test, lit_config, command, read_gtest)


def read_gtest(report, out):
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            seconds = float(case["time"].rstrip("s"))
            if case["result"] == "SUPPRESSED":
                continue
            if case["result"] == "SKIPPED":
                full = re.escape(f"{suite['name']}.{case['name']}")
                said = re.search(rf"RUN *\] {full}\n.*?Skipped\n(.*?)\n+\[", out, re.DOTALL)
                yield case["name"], lit.Test.UNSUPPORTED, said.group(1) if said else "no reason given", seconds
            elif "failures" in case:
                text = "\n".join(f["failure"] for f in case["failures"])
                yield case["name"], lit.Test.FAIL, text, seconds
            else:
                yield case["name"], lit.Test.PASS, "", seconds


class PythonCases(lit.formats.base.FileBasedTest):
    """Python programs that run their cases through test/e2e/support.py."""

    def __init__(self, python):
        self.python = python

    def getTestsForPath(self, test_suite, path_in_suite, lit_config, local_config):
        name = path_in_suite[-1]
        if name.endswith(".py") and name not in local_config.excludes:
            yield lit.Test.Test(test_suite, path_in_suite, local_config)

    def execute(self, test, lit_config):
        def command(report):
            return [self.python, test.getSourcePath(), "--report", report]

        return run_cases(test, lit_config, command, read_python)


def read_python(report, out):
    codes = {"passed": lit.Test.PASS, "failed": lit.Test.FAIL, "skipped": lit.Test.UNSUPPORTED}
    for case in report:
        yield case["name"], codes[case["result"]], case["text"], case["seconds"]
