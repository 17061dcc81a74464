#!/usr/bin/env python3
"""Types into `mishap starlark repl` as a user at a terminal does.

  repl.py --bin DIR [--ordinary-user] [CASE…]
"""
import re
import termios

from terminal import CTRL_C, TerminalRun, check, check_gone, run_cases, wait_for

ARGS = ["starlark", "repl"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Prompt(TerminalRun):
    def __init__(self, bench, *args, home=None):
        super().__init__(bench, [*ARGS, *args], echo=True, TERM="vt100", HOME=str(home or bench.work / "home"), XDG_STATE_HOME="")
        self.wait_for_text(b">>> ")

    def type(self, keys):
        """The prompt comes a moment before the terminal gives every key to the program."""
        if keys != CTRL_C:
            wait_for(lambda: not termios.tcgetattr(self.terminal)[3] & termios.ICANON, "the editor of lines")
        super().type(keys)

    def enter(self, line, prompt=b">>> "):
        """What is printed until the next prompt, the echo of the line first. An echo may have prompts in it, but none after a line's
        end."""
        self.type(line.encode() + b"\n")
        said = ESCAPES.sub("", self.wait_for_text(b"\n" + prompt)).replace("\r", "")
        return said[:-len(prompt)]


def printed(run, line):
    return run.enter(line).split("\n", 1)[1]


def leave(run):
    run.type(b"\x04")
    return run.finish()


def values(bench):
    """Expressions are printed, but not None; names last; errors point at the line and nothing is lost by them."""
    run = Prompt(bench)
    check(printed(run, "x = [1, 'two', 3.5]") == "", "an assignment printed something")
    check(printed(run, "x") == '[1, "two", 3.5]\n', "the value of a name")
    check(printed(run, "x.append(4)") == "", "None was printed")
    check(printed(run, "x = x + [5]; len(x)") == "", "a statement printed something")
    said = printed(run, "y + 1")
    check("<input>:1:1: error: undefined: y" in said and "| y + 1" in said, f"the error was {said!r}")
    said = printed(run, "x[9]")
    check("<input>:1:2: error:" in said and "out of range" in said, f"the error was {said!r}")
    check(printed(run, "len(x)") == "5\n", "names did not last")
    check(printed(run, "print(json.encode({'a': x}))") == '{"a":[1,"two",3.5,4,5]}\n', "print")
    return run


def blocks(bench):
    """A block goes on to an empty line, a bracket to its end."""
    run = Prompt(bench)
    run.enter("def twice(n):", b"... ")
    run.enter("    return 2 * n", b"... ")
    check(run.enter("") == "\n", "the end of a block printed something")
    run.enter("twice(", b"... ")
    check(printed(run, "21)") == "42\n", "an expression over two lines")
    run.enter("for i in range(2):", b"... ")
    run.enter("    print(twice(i))", b"... ")
    said = run.enter("")
    check(said.endswith("0\n2\n"), f"the loop printed {said!r}")
    return run


def completion(bench):
    """The tabulator completes names, attributes and, before anything else, indents."""
    run = Prompt(bench)
    printed(run, "rather_long_name = {'a': 1}")
    check(printed(run, "rather_l\t['a']") == "1\n", "a name")
    check(printed(run, "rather_long_name.po\titem() if False else json.enc\t_ind\t('x')") == '"\\"x\\""\n', "attributes")
    run.enter("if True:", b"... ")
    run.enter("\trather_long_name = 7", b"... ")
    run.enter("")
    check(printed(run, "rather_long_name") == "7\n", "an indented line")
    return run


def history(bench):
    """The arrow up gives the last line, also of an earlier session."""
    run = Prompt(bench)
    printed(run, "'from before'")
    code, text = leave(run)
    check(code == 0, f"exit code {code}\n{text}")
    run = Prompt(bench)
    check(printed(run, "\x1b[A") == '"from before"\n', "the history of an earlier session")
    return run


def interrupts(bench):
    """Ctrl-C throws a line away, and ends an evaluation."""
    run = Prompt(bench)
    run.type(b"nonsense(")
    wait_for(lambda: run.read_for(0.05) or b"nonsense(" in run.output, "the echo")
    run.press_ctrl_c()
    run.wait_for_text(b">>> ")
    check(printed(run, "1 + 1") == "2\n", "the line was not thrown away")
    run.enter("def spin():", b"... ")
    run.enter("    print('it spins')", b"... ")
    run.enter("    for i in range(1 << 60): pass", b"... ")
    run.enter("")
    run.type(b"spin()\n")
    run.wait_for_text(b"it spins")
    run.press_ctrl_c()
    run.wait_for_text(b"interrupted")
    run.wait_for_text(b">>> ")
    run.type(b"1 + 1\n")
    run.wait_for_text(b"\n2\r\n")
    return run


CASES = {f"repl-{case.__name__}": case for case in (values, blocks, completion, history, interrupts)}


def run_case(bench, name, _approve):
    run = CASES[name](bench)
    code, text = leave(run)
    check(code == 0, f"exit code {code}\n{text}")
    check_gone()


run_cases(CASES, run_case)
