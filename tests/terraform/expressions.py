"""The small subset of Terraform's expressions that the module in terraform/ allows itself.

Literals, templates, lists, objects, references, conditions, `for`, and some functions. Anything
else is an error that names it.
"""

import json
import re

TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_][\w-]*)
      | (?P<quote>")
      | (?P<operator>=>|==|!=|&&|\|\||<=|>=|[-+*/%<>!?:.,=(){}\[\]])
    )""",
    re.VERBOSE,
)
CONSTANTS = {"true": True, "false": False, "null": None}


class UnsupportedError(Exception):
    """Something that the module must not use, or that is wrong."""


class Parser:
    """Evaluates one expression while it reads it.

    `scope(path)` gives the value of a reference: its parts are names, and the keys of indices.
    """

    def __init__(self, text, scope, functions):
        self.text, self.scope, self.functions = text, scope, functions
        self.at = 0
        self.bound = {}
        # In a branch that is not taken, nothing is looked up.
        self.idle = 0

    def whole(self):
        value = self.condition()
        if self.peek():
            self.fail("expected the end")
        return value

    def fail(self, reason):
        raise UnsupportedError(f"{reason} at {self.text[self.at : self.at + 40]!r} in {self.text}")

    def peek(self):
        match = TOKEN.match(self.text, self.at)
        if not match and self.text[self.at :].strip():
            self.fail("unknown token")
        return match and match[0].strip()

    def take(self, *expected):
        token = self.peek()
        if not token or (expected and token not in expected):
            self.fail(f"expected {' or '.join(expected)}")
        self.at = TOKEN.match(self.text, self.at).end()
        return token

    def accept(self, token):
        if self.peek() != token:
            return False
        self.take()
        return True

    def unless(self, is_idle, parse):
        """What `parse` gives, with nothing looked up if `is_idle`."""
        self.idle += is_idle
        value = parse()
        self.idle -= is_idle
        return value

    def condition(self):
        test = self.disjunction()
        if not self.accept("?"):
            return test
        yes = self.unless(not test, self.condition)
        self.take(":")
        no = self.unless(bool(test), self.condition)
        return yes if test else no

    def disjunction(self):
        value = self.conjunction()
        while self.accept("||"):
            other = self.unless(bool(value), self.conjunction)
            value = bool(value or other)
        return value

    def conjunction(self):
        value = self.comparison()
        while self.accept("&&"):
            other = self.unless(not value, self.comparison)
            value = bool(value and other)
        return value

    def comparison(self):
        value = self.unary()
        while (operator := self.peek()) in ("==", "!=", "<=", ">=", "<", ">"):
            self.take()
            other = self.unary()
            if self.idle:
                continue
            value = {
                "==": lambda a, b: a == b,
                "!=": lambda a, b: a != b,
                "<=": lambda a, b: a <= b,
                ">=": lambda a, b: a >= b,
                "<": lambda a, b: a < b,
                ">": lambda a, b: a > b,
            }[operator](value, other)
        return value

    def unary(self):
        if self.accept("!"):
            return not self.unary()
        if self.accept("-"):
            return -self.unary()
        return self.primary()

    def primary(self):
        token = self.peek()
        if token == "(":
            self.take()
            value = self.condition()
            self.take(")")
            return value
        if token == '"':
            self.take()
            return self.template()
        if token == "[":
            return self.collection("]", self.list_items)
        if token == "{":
            return self.collection("}", self.object_items)
        if token and token[0].isdigit():
            self.take()
            return float(token) if "." in token else int(token)
        if token and (token[0].isalpha() or token[0] == "_"):
            return self.named()
        self.fail("expected a value")

    def named(self):
        name = self.take()
        if name in CONSTANTS:
            return CONSTANTS[name]
        if self.accept("("):
            return self.call(name)
        path = [name]
        while True:
            if self.accept("."):
                path.append(self.take())
            elif self.accept("["):
                path.append(self.condition())
                self.take("]")
            else:
                break
        if self.idle:
            return None
        if name in self.bound:
            value = self.bound[name]
            for key in path[1:]:
                value = value[key]
            return value
        return self.scope(path)

    def call(self, name):
        arguments = []
        while not self.accept(")"):
            arguments.append(self.condition())
            if not self.accept(","):
                self.take(")")
                break
        if self.idle:
            return None
        if name not in self.functions:
            self.fail(f"unsupported function {name}")
        return self.functions[name](*arguments)

    def template(self):
        """The rest of a string, after its first quote."""
        parts = []
        while True:
            match = re.compile(r'[^"\\$%]+|\\.|\$(?!\{)|%(?!\{)').match(self.text, self.at)
            if match:
                self.at = match.end()
                escapes = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
                parts.append(escapes.get(match[0], match[0]))
            elif self.text.startswith("${", self.at):
                self.at += 2
                parts.append(text_of(self.condition()))
                self.take("}")
            elif self.text.startswith('"', self.at):
                self.at += 1
                return "".join(parts)
            else:
                self.fail("unsupported template")

    def collection(self, end, items):
        self.take()
        if self.peek() == "for":
            return self.comprehension(end)
        return items(end)

    def list_items(self, end):
        values = []
        while not self.accept(end):
            values.append(self.condition())
            if not self.accept(","):
                self.take(end)
                break
        return values

    def object_items(self, end):
        values = {}
        while not self.accept(end):
            if self.accept('"'):
                key = self.template()
            elif self.accept("("):
                key = self.condition()
                self.take(")")
            else:
                key = self.take()
            self.take("=", ":")
            values[key] = self.condition()
            self.accept(",")
        return values

    def comprehension(self, end):
        self.take("for")
        names = [self.take()]
        if self.accept(","):
            names.append(self.take())
        self.take("in")
        source = self.condition()
        self.take(":")
        start = self.at
        items = list(source.items()) if isinstance(source, dict) else list(enumerate(source or []))
        results = []
        for item in items or [(None, None)]:
            self.at = start
            self.bound |= dict(zip(names, item if len(names) == 2 else item[1:], strict=True))
            results.append(self.unless(not items, lambda: self.element(end)))
        for name in names:
            del self.bound[name]
        kept = [one for is_kept, one in results if is_kept and items]
        return dict(kept) if end == "}" else kept

    def element(self, end):
        value = self.condition()
        if end == "}":
            self.take("=>")
            value = (value, self.condition())
        is_kept = self.condition() if self.accept("if") else True
        self.take(end)
        return is_kept, value


def text_of(value):
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def element(values, index):
    return values[index % len(values)]


def can_match(pattern, text):
    return re.search(pattern, text) is not None


FUNCTIONS = {
    # `regex` is used only inside of `can`.
    "can": bool,
    "regex": can_match,
    "concat": lambda *lists: [one for each in lists for one in each],
    "contains": lambda values, value: value in values,
    "element": element,
    "endswith": str.endswith,
    "filebase64sha256": lambda path: f"sha256 of {path}",
    "join": lambda separator, values: separator.join(values),
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":")),
    "length": len,
    "merge": lambda *objects: {key: one for each in objects for key, one in each.items()},
    "replace": str.replace,
    "split": lambda separator, text: text.split(separator),
    "startswith": str.startswith,
    "tostring": text_of,
    "trimprefix": str.removeprefix,
    "trimsuffix": str.removesuffix,
}
