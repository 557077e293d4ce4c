"""The module in terraform/ as Terraform plans it, for some variables."""

import re
from pathlib import Path

import hcl2
from expressions import FUNCTIONS, Parser, UnsupportedError

FOLDER = Path(__file__).resolve().parents[2] / "terraform"
# What a plan has of each resource that a count or `for_each` makes.
META = ("count", "for_each", "depends_on", "lifecycle")


class Module:
    """The resources and outputs. `attribute(address, name)` gives what AWS decides."""

    def __init__(self, variables, attribute, account, region):
        self.attribute = attribute
        self.blocks = {"variable": {}, "locals": {}, "resource": {}, "output": {}}
        for file in sorted(FOLDER.glob("*.tf")):
            self.read(hcl2.loads(file.read_text()))
        unknown = variables.keys() - self.blocks["variable"].keys()
        if unknown:
            raise UnsupportedError(f"terraform/ has no variable {sorted(unknown)}")
        self.data = {
            "aws_caller_identity": {"account_id": account},
            "aws_partition": {"partition": "aws"},
            "aws_region": {"region": region},
        }
        self.each = None
        self.variables = {
            name: variables.get(name, self.value(block["default"]) if "default" in block else None)
            for name, block in self.blocks["variable"].items()
        }
        self.known_locals = {}

    def resources(self):
        """The arguments of every resource, by address."""
        for address, block in self.blocks["resource"].items():
            for key, each in self.instances(block):
                self.each = each
                body = {name: one for name, one in block.items() if name not in META}
                yield address + key, self.value(body)
                self.each = None

    def read(self, file):
        for kind in ("variable", "output"):
            for block in file.get(kind, []):
                self.blocks[kind] |= {unquote(name): body for name, body in block.items()}
        for block in file.get("locals", []):
            self.blocks["locals"] |= {
                name: one for name, one in block.items() if name != "__is_block__"
            }
        for block in file.get("resource", []):
            ((kind, named),) = block.items()
            ((name, body),) = ((n, b) for n, b in named.items() if n != "__is_block__")
            self.blocks["resource"][f"{unquote(kind)}.{unquote(name)}"] = body

    def outputs(self):
        """The values of the outputs, by name."""
        return {name: self.value(block["value"]) for name, block in self.blocks["output"].items()}

    def instances(self, block):
        """The key of each instance in its address, and what `each` is for it."""
        if "count" in block:
            return [(f"[{index}]", None) for index in range(self.value(block["count"]))]
        if "for_each" in block:
            every = self.value(block["for_each"])
            return [(f'["{key}"]', {"key": key, "value": one}) for key, one in every.items()]
        return [("", None)]

    def value(self, raw):
        if isinstance(raw, dict):
            pairs = {
                unquote(name): self.value(one) for name, one in raw.items() if name[:2] != "__"
            }
            return pairs
        if isinstance(raw, list):
            return [self.value(one) for one in raw]
        if not isinstance(raw, str):
            return raw
        expression = re.fullmatch(r"\$\{(.*)\}", raw, re.DOTALL)
        text = expression[1] if expression else raw
        return Parser(text, self.scope, FUNCTIONS | {"templatefile": self.template_file}).whole()

    def template_file(self, path, values):
        text = (FOLDER / Path(path).name).read_text()
        return re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text)

    def scope(self, path):
        match path:
            case ["var", name, *rest] if name in self.variables:
                return follow(self.variables[name], rest)
            case ["local", name, *rest] if name in self.blocks["locals"]:
                if name not in self.known_locals:
                    each, self.each = self.each, None
                    self.known_locals[name] = self.value(self.blocks["locals"][name])
                    self.each = each
                return follow(self.known_locals[name], rest)
            case ["data", kind, "current", name] if name in self.data.get(kind, {}):
                return self.data[kind][name]
            case ["path", "module"]:
                return str(FOLDER)
            case ["each", *rest] if self.each:
                return follow(self.each, rest)
            case [kind, name, *rest] if f"{kind}.{name}" in self.blocks["resource"]:
                return self.resource(f"{kind}.{name}", rest)
        raise UnsupportedError(f"nothing is called {'.'.join(map(str, path))}")

    def resource(self, address, rest):
        block = self.blocks["resource"][address]
        keys = [key for key, _ in self.instances(block)]
        if "for_each" in block and not rest:
            return [Instance(self, address + key) for key in keys]
        if "count" in block:
            index, *rest = rest
            address += f"[{index}]"
            if f"[{index}]" not in keys:
                raise UnsupportedError(f"{address} does not exist with these variables")
        (name,) = rest
        return self.attribute(address, name)

    def prevents_destroy(self, address):
        (block,) = self.blocks["resource"][re.sub(r"\[.*", "", address)].get("lifecycle", [{}])
        return block.get("prevent_destroy", False)

    def failed_conditions(self):
        """The messages of variables and preconditions that these variables do not meet."""
        checks = [
            check
            for kind, name in (("variable", "validation"), ("resource", "lifecycle"))
            for block in self.blocks[kind].values()
            for outer in block.get(name, [])
            for check in ([outer] if kind == "variable" else outer.get("precondition", []))
        ]
        return [
            self.value(check["error_message"])
            for check in checks
            if not self.value(check["condition"])
        ]


class Instance:
    """One of the resources that `for_each` makes."""

    def __init__(self, module, address):
        self.module, self.address = module, address

    def __getitem__(self, name):
        return self.module.attribute(self.address, name)


def follow(value, path):
    for key in path:
        value = value[key]
    return value


def unquote(name):
    return name.strip('"')
