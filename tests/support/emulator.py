#!/usr/bin/env python3
"""ministack_plus.py : start ministack 1.5.33 with the CloudFormation types it lacks, and with visible progress.

Env: MWX_STEP_MS=N     sleep N ms in every resource create/update/delete (default 0), so a stack is seen IN_PROGRESS
     MWX_FAIL=LogicalId[,LogicalId]  make these creates fail (rollback tests); MWX_FAIL_FILE=path, same list, re-read each time
Everything else is ministack's own env (GATEWAY_PORT, BIND_HOST, ...)."""
import json, os, time, random, string
from ministack.services.cloudformation import provisioners as P, stacks as S
from ministack.services import ec2, waf, backup, dsql, iam
H = P._RESOURCE_HANDLERS
L = lambda v: [str(v)]
def _body(r):
    if r[0] >= 400: raise ValueError(str(r[2])[:300])
    return json.loads(r[2]) if r[2] else {}
def add(t, create, delete, update=None):
    if t in H: return                                  # ministack grew it: keep theirs
    H[t] = {"create": create, "delete": delete}
    if update: H[t]["update"] = update
rid = lambda p, n=17: p + "".join(random.choices(string.hexdigits[:16].lower(), k=n))

def eip(lid, p, st):
    before = set(ec2._addresses.keys()); ec2._allocate_address({"Domain": L(p.get("Domain", "vpc"))})
    a = [k for k in ec2._addresses.keys() if k not in before][0]; r = ec2._addresses[a]
    return r["PublicIp"], {"AllocationId": a, "PublicIp": r["PublicIp"]}
def eip_del(pid, p):
    for k, r in list(ec2._addresses.items()):
        if r["PublicIp"] == pid: ec2._addresses.pop(k, None)
add("AWS::EC2::EIP", eip, eip_del)
def nat(lid, p, st):
    if p.get("SubnetId") not in ec2._subnets: raise ValueError(f"The subnet ID '{p.get('SubnetId')}' does not exist")
    before = set(ec2._nat_gateways.keys()); ec2._create_nat_gateway({"SubnetId": L(p["SubnetId"]), "AllocationId": L(p.get("AllocationId", ""))})
    n = [k for k in ec2._nat_gateways.keys() if k not in before][0]; P._ec2_apply_tags(n, p); return n, {"NatGatewayId": n}
add("AWS::EC2::NatGateway", nat, lambda pid, p: ec2._nat_gateways.pop(pid, None))
def flow(lid, p, st):
    before = set(ec2._flow_logs.keys())
    ec2._create_flow_logs({"ResourceId.1": L(p["ResourceId"]), "ResourceType": L(p["ResourceType"]), "TrafficType": L(p.get("TrafficType", "ALL")), "LogDestinationType": L(p.get("LogDestinationType", "cloud-watch-logs")), "LogGroupName": L(p.get("LogGroupName", ""))})
    f = [k for k in ec2._flow_logs.keys() if k not in before][0]; return f, {"Id": f}
add("AWS::EC2::FlowLog", flow, lambda pid, p: ec2._flow_logs.pop(pid, None))
def _perm(p):
    q = {"GroupId": L(p["GroupId"]), "IpPermissions.1.IpProtocol": L(p.get("IpProtocol", "-1"))}
    for k in ("FromPort", "ToPort"):
        if k in p: q[f"IpPermissions.1.{k}"] = L(p[k])
    if p.get("CidrIp"): q["IpPermissions.1.IpRanges.1.CidrIp"] = L(p["CidrIp"])
    if p.get("SourceSecurityGroupId"): q["IpPermissions.1.Groups.1.GroupId"] = L(p["SourceSecurityGroupId"])
    if p.get("DestinationSecurityGroupId"): q["IpPermissions.1.Groups.1.GroupId"] = L(p["DestinationSecurityGroupId"])
    return q
def sgi(lid, p, st):
    r = ec2._authorize_sg_ingress(_perm(p))
    if r[0] >= 400: raise ValueError(str(r[2])[:300])
    i = rid("sgr-"); return i, {"Id": i}
def sgi_del(pid, p):
    try: ec2._revoke_sg_ingress(_perm(p))
    except AttributeError: pass
add("AWS::EC2::SecurityGroupIngress", sgi, sgi_del)
def inst(lid, p, st):
    before = set(ec2._instances.keys()); q = {"ImageId": L(p.get("ImageId", "ami-1")), "InstanceType": L(p.get("InstanceType", "t3.micro")), "MinCount": L(1), "MaxCount": L(1)}
    if p.get("SubnetId"): q["SubnetId"] = L(p["SubnetId"])
    ec2._run_instances(q); i = [k for k in ec2._instances.keys() if k not in before][0]; r = ec2._instances[i]; P._ec2_apply_tags(i, p)
    return i, {"InstanceId": i, "PrivateIp": r.get("PrivateIpAddress", "10.0.0.9"), "AvailabilityZone": (r.get("Placement") or {}).get("AvailabilityZone", "us-east-1a")}
add("AWS::EC2::Instance", inst, lambda pid, p: ec2._terminate_instances({"InstanceId.1": L(pid)}))
def oidc(lid, p, st):
    q = {"Url": L(p["Url"])}
    for i, c in enumerate(p.get("ClientIdList") or [], 1): q[f"ClientIDList.member.{i}"] = L(c)
    for i, c in enumerate(p.get("ThumbprintList") or [], 1): q[f"ThumbprintList.member.{i}"] = L(c)
    r = iam._create_oidc_provider(q)
    if r[0] >= 400: raise ValueError(str(r[2])[:300])
    host = p["Url"].split("://")[-1].rstrip("/"); arn = [a for a in iam._oidc_providers.keys() if a.endswith("oidc-provider/" + host)][0]; return arn, {"Arn": arn}
add("AWS::IAM::OIDCProvider", oidc, lambda pid, p: iam._oidc_providers.pop(pid, None))
def wassoc(lid, p, st):
    r = waf._associate_web_acl({"WebACLArn": p["WebACLArn"], "ResourceArn": p["ResourceArn"]})
    if r[0] >= 400: raise ValueError(str(r[2])[:300])
    return f"{p['WebACLArn']}|{p['ResourceArn']}", {}
add("AWS::WAFv2::WebACLAssociation", wassoc, lambda pid, p: waf._associations.pop(p.get("ResourceArn", ""), None))
def bsel(lid, p, st):
    s = dict(p["BackupSelection"]); b = _body(backup._create_selection(p["BackupPlanId"], {"BackupSelection": s})); return f"{b['SelectionId']}_{p['BackupPlanId']}", {"Id": b["SelectionId"], "SelectionId": b["SelectionId"], "BackupPlanId": p["BackupPlanId"]}
add("AWS::Backup::BackupSelection", bsel, lambda pid, p: backup._selections.pop(pid.split("_")[0], None))
def dsq(lid, p, st):
    c = _body(dsql._create_cluster({"deletionProtectionEnabled": str(p.get("DeletionProtectionEnabled", True)).lower() != "false", "tags": {t["Key"]: t["Value"] for t in p.get("Tags", [])}}))
    i = c["identifier"]; return i, {"Identifier": i, "ResourceArn": c["arn"], "Status": c["status"], "Endpoint": c.get("endpoint") or f"{i}.dsql.us-east-1.on.aws", "VpcEndpointServiceName": "com.amazonaws.us-east-1.dsql-fnh4", "CreationTime": str(c["creationTime"])}
def dsq_del(pid, p):
    c = dsql._clusters.get(pid)
    if c and c.get("deletionProtectionEnabled"): raise ValueError(f"Cannot delete cluster {pid}: deletion protection is enabled")
    dsql._clusters.pop(pid, None)
def dsq_upd(pid, old, new, st):
    dsql._clusters[pid]["deletionProtectionEnabled"] = str(new.get("DeletionProtectionEnabled", True)).lower() != "false"; c = dsql._clusters[pid]
    return pid, {"Identifier": pid, "ResourceArn": c["arn"], "Endpoint": c.get("endpoint") or f"{pid}.dsql.us-east-1.on.aws"}
add("AWS::DSQL::Cluster", dsq, dsq_del, dsq_upd)
# no service behind these in ministack: recorded with AWS-shaped ids, visible only through CloudFormation
add("AWS::ApplicationAutoScaling::ScalableTarget", lambda lid, p, st: (f"{p.get('ResourceId')}|{p.get('ScalableDimension')}|{p.get('ServiceNamespace')}", {"Id": str(p.get("ResourceId"))}), lambda pid, p: None, lambda pid, o, n, st: (pid, {}))
def pol(lid, p, st):
    if not (p.get("ScalingTargetId") or p.get("ResourceId")): raise ValueError("Either ScalingTargetId or ResourceId is required")
    a = f"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:{rid('', 8)}:resource/ecs/{p.get('ResourceId', 'x')}:policyName/{p.get('PolicyName')}"; return a, {"Arn": a}
add("AWS::ApplicationAutoScaling::ScalingPolicy", pol, lambda pid, p: None, lambda pid, o, n, st: (pid, {}))
add("AWS::CodePipeline::Pipeline", lambda lid, p, st: (p.get("Name") or f"{st}-{lid}", {"Version": "1"}), lambda pid, p: None, lambda pid, o, n, st: (pid, {"Version": "2"}))

# Number parameters reach ECS as strings; AWS converts them
NUMBERS = {"interval", "timeout", "retries", "startPeriod", "containerPort", "hostPort", "cpu", "memory", "memoryReservation", "stopTimeout", "softLimit", "hardLimit", "sharedMemorySize",
           "DesiredCount", "HealthCheckGracePeriodSeconds", "MinimumHealthyPercent", "MaximumPercent", "ContainerPort", "HostPort", "Base", "Weight", "Value", "Threshold", "Count"}
def typed(v, k=None):
    if isinstance(v, dict): return {n: typed(x, n) for n, x in v.items()}
    if isinstance(v, list): return [typed(x, k) for x in v]
    if isinstance(v, str) and k in NUMBERS and v.isdigit(): return int(v)
    return v
for op in ("create", "update"):
    f = H["AWS::ECS::Service"].get(op)
    if f: H["AWS::ECS::Service"][op] = (lambda _f: lambda *a, **kw: _f(*[typed(x) for x in a], **kw))(f)

# progress and injected failures
STEP = int(os.environ.get("MWX_STEP_MS", "0")) / 1000
def failing():
    s = os.environ.get("MWX_FAIL", "")
    try: s += "," + open(os.environ["MWX_FAIL_FILE"]).read().strip()
    except (KeyError, OSError): pass
    return {x for x in s.split(",") if x}
_prov, _upd, _del = P._provision_resource, P._update_resource, P._delete_resource
def prov(t, lid, props, st, *a):
    if STEP: time.sleep(STEP)
    if lid in failing(): raise ValueError(f"Resource handler returned message: \"injected failure for {lid}\" (HandlerErrorCode: GeneralServiceException)")
    return _prov(t, lid, props, st, *a)
def upd(*a, **k):
    if STEP: time.sleep(STEP)
    return _upd(*a, **k)
def dele(*a, **k):
    if STEP: time.sleep(STEP / 2)
    return _del(*a, **k)
for m in (P, S):
    for n, f in (("_provision_resource", prov), ("_update_resource", upd), ("_delete_resource", dele)):
        if hasattr(m, n): setattr(m, n, f)
if STEP: S._runs_on_worker_thread = lambda t: True
# a connection to GitHub has no service behind it here: recorded, and PENDING as on AWS until a person activates it
add("AWS::CodeConnections::Connection",
    lambda lid, p, st: (lambda a: (a, {"ConnectionArn": a, "ConnectionStatus": "PENDING", "OwnerAccountId": "123456789012"}))(f"arn:aws:codeconnections:us-east-1:123456789012:connection/{rid('', 8)}"),
    lambda pid, p: None, lambda pid, o, n, st: (pid, {"ConnectionArn": pid, "ConnectionStatus": "PENDING", "OwnerAccountId": "123456789012"}))

# change sets follow conditions: a resource whose condition is false is not there (ministack 1.5.33 lists it anyway)
from ministack.services.cloudformation import changesets as C
_resolve = C._resolve_props_for_diff
def resolve(template, params, *a):
    r = _resolve(template, params, *a)
    if r:
        c = C._evaluate_conditions(template, params)
        r["Resources"] = {k: v for k, v in r["Resources"].items() if c.get(v.get("Condition"), True)}
    return r
C._resolve_props_for_diff = resolve

# RDS makes and keeps the master password itself (ministack does so by the API only, not by CloudFormation)
from ministack.services import rds, secretsmanager
def managed_password(t, store):
    create, update = H[t]["create"], H[t]["update"]
    attrs = lambda pid, a: {**a, **({"MasterUserSecret.SecretArn": s["SecretArn"]} if (s := store[pid].get("MasterUserSecret")) else {})}
    def g(lid, p, st):
        pid, a = create(lid, p, st)
        if host := os.environ.get("MWX_RDS_HOST"):            # a real server listens there, on the template's Port
            e = store[pid]["Endpoint"]
            if isinstance(e, dict): e["Address"] = host
            else: store[pid].update(Endpoint=host, ReaderEndpoint=host)
            a = {**a, **{k: host for k in ("Endpoint.Address", "ReadEndpoint.Address") if k in a}}
        if str(p.get("ManageMasterUserPassword", "")).lower() == "true":
            word = rds._generate_master_user_password(); store[pid]["_MasterUserPassword"] = word
            arn = secretsmanager.create_secret_in_process(f"rds!{rid('', 8)}-{pid}", json.dumps({"username": p.get("MasterUsername"), "password": word}))
            store[pid]["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active"}
        return pid, attrs(pid, a)
    def u(*x, **k):
        pid, a = update(*x, **k); return pid, attrs(pid, a)
    H[t]["create"], H[t]["update"] = g, u
managed_password("AWS::RDS::DBInstance", rds._instances); managed_password("AWS::RDS::DBCluster", rds._clusters)

# a secret's Ref is its ARN (ministack gives its name)
def arn_ref(t):
    create, delete = H[t]["create"], H[t]["delete"]
    def g(lid, p, st):
        pid, a = create(lid, p, st)
        r = secretsmanager._secrets.get(pid); arn = r["ARN"] if r else a.get("Arn", pid)
        return arn, {**a, "Arn": arn, "Id": arn}
    H[t]["create"] = g
    name = lambda pid, p: next((n for n, r in secretsmanager._secrets.items() if r["ARN"] == pid), pid)
    H[t]["delete"] = lambda pid, p: delete(name(pid, p), p)
arn_ref("AWS::SecretsManager::Secret")

# an alarm on metric math is recorded as one on its first metric; logging of a WAF is recorded only
_alarm = H["AWS::CloudWatch::Alarm"]
def math(f):
    def g(*x, **k):
        def plain(p):
            if not isinstance(p, dict) or "Metrics" not in p: return p
            m = next(m["MetricStat"] for m in p["Metrics"] if "MetricStat" in m)
            return {**{k: v for k, v in p.items() if k != "Metrics"}, **m["Metric"], "Period": m["Period"], "Statistic": m["Stat"]}
        return f(*[plain(v) for v in x], **{n: plain(v) for n, v in k.items()})
    return g
for verb in ("create", "update"):
    if verb in _alarm: _alarm[verb] = math(_alarm[verb])
add("AWS::WAFv2::LoggingConfiguration", lambda lid, p, st: (p["ResourceArn"], {}), lambda pid, p: None)

# container secrets, health checks and the like in the API's own spelling (ministack leaves them in CloudFormation's)
_defs = P._normalize_container_defs
def camel(v):
    if isinstance(v, dict): return {P._cfn_to_camel(k): camel(x) for k, x in v.items()}
    return [camel(x) for x in v] if isinstance(v, list) else v
P._normalize_container_defs = lambda defs: [typed({k: camel(v) if k in ("secrets", "healthCheck", "linuxParameters", "environmentFiles", "dependsOn") else v for k, v in d.items()}) for d in _defs(defs)]

# taking an attribute from an account of a user pool
from ministack.services import cognito as U
_idp = U._dispatch_idp
def taken(data):
    pool, err = U._resolve_pool(data.get("UserPoolId"))
    if err: return err
    user, err = U._resolve_user(pool, data.get("Username"))
    if err: return err
    user["Attributes"] = [a for a in user.get("Attributes", []) if a["Name"] not in data.get("UserAttributeNames", [])]
    return U.json_response({})
async def idp(action, data):
    return taken(data) if action == "AdminDeleteUserAttributes" else await _idp(action, data)
U._dispatch_idp = idp

# another database made of one that is there: ministack has no point-in-time restore, and its restore forgets what it was asked for.
# MWX_RESTORE_MS=N: it is "creating" so long
import threading
def restored(i, p, state, done="available"):
    name = i.get("DBInstanceIdentifier") if state == "DBInstanceStatus" else i["DBClusterIdentifier"]
    host, port = f"{name}.restored.example", int(rds._p(p, "Port") or 5432)
    i["Endpoint"] = {**i["Endpoint"], "Address": host, "Port": port} if isinstance(i["Endpoint"], dict) else host
    i["TagList"] = rds._parse_tags(p)
    i["VpcSecurityGroups"] = [{"VpcSecurityGroupId": g, "Status": "active"} for g in rds._parse_member_list(p, "VpcSecurityGroupIds")]
    if ms := int(os.environ.get("MWX_RESTORE_MS", "0")):
        i[state] = "creating"; threading.Timer(ms / 1000, lambda: i.update({state: done})).start()
_of_snapshot = rds._ACTION_MAP["RestoreDBInstanceFromDBSnapshot"]
def of_snapshot(p):
    answer = _of_snapshot(p)
    if answer[0] == 200: restored(rds._instances[rds._p(p, "DBInstanceIdentifier")], p, "DBInstanceStatus")
    return answer
def of_moment(p):
    old, name = rds._instances.get(rds._p(p, "SourceDBInstanceIdentifier")), rds._p(p, "TargetDBInstanceIdentifier")
    if not old: return rds._error("DBInstanceNotFound", "no such source", 404)
    if name in rds._instances: return rds._error("DBInstanceAlreadyExists", f"{name} exists", 400)
    i = {**old, "DBInstanceIdentifier": name, "DBInstanceArn": f"{old['DBInstanceArn'].rsplit(':', 1)[0]}:{name}", "_docker_container_id": None}
    rds._instances[name] = i; restored(i, p, "DBInstanceStatus")
    return rds._single_instance_response("RestoreDBInstanceToPointInTimeResponse", "RestoreDBInstanceToPointInTimeResult", i)
def cluster_of(action, source):
    def g(p):
        known = rds._db_cluster_snapshots.get(rds._p(p, source)) if source == "SnapshotIdentifier" else rds._clusters.get(rds._p(p, source))
        old, name = known and rds._clusters.get(known["DBClusterIdentifier"]), rds._p(p, "DBClusterIdentifier")
        if not old: return rds._error("DBClusterNotFoundFault", "no such source", 404)
        if name in rds._clusters: return rds._error("DBClusterAlreadyExistsFault", f"{name} exists", 400)
        c = {**old, "DBClusterIdentifier": name, "DBClusterArn": f"{old['DBClusterArn'].rsplit(':', 1)[0]}:{name}", "DBClusterMembers": []}
        rds._clusters[name] = c; restored(c, p, "Status")
        return rds._xml(200, f"{action}Response", f"<{action}Result><DBCluster>{rds._cluster_xml(c)}</DBCluster></{action}Result>")
    return g
rds._ACTION_MAP.update({"RestoreDBInstanceFromDBSnapshot": of_snapshot, "RestoreDBInstanceToPointInTime": of_moment,
    "RestoreDBClusterToPointInTime": cluster_of("RestoreDBClusterToPointInTime", "SourceDBClusterIdentifier"),
    "RestoreDBClusterFromSnapshot": cluster_of("RestoreDBClusterFromSnapshot", "SnapshotIdentifier")})

# the text of a fixed answer may be HTML: it is escaped in XML; a priority is given once for a listener
import html
from ministack.services import alb
_action, _rule = alb._action_xml, alb._create_rule
def action(a):
    fixed = a.get("FixedResponseConfig")
    return _action({**a, "FixedResponseConfig": {k: html.escape(v) for k, v in fixed.items()}} if fixed else a)
def rule(p):
    listener, priority = alb._p(p, "ListenerArn"), alb._p(p, "Priority")
    if any(r["ListenerArn"] == listener and r["Priority"] == priority for r in alb._rules.values()):
        return alb._error("PriorityInUse", f"Priority '{priority}' is currently in use")
    if len(alb._p(p, "Actions.member.1.FixedResponseConfig.MessageBody").encode()) > 1024:
        return alb._error("ValidationError", "the message body has more than 1024 bytes")
    return _rule(p)
alb._action_xml = action
for name, known in list(vars(alb).items()):
    if isinstance(known, dict) and known.get("CreateRule") is _rule: known["CreateRule"] = rule

# records that AWS refuses: a CNAME at the apex of its zone, or beside a record of another type. The words are AWS's, from memory
from ministack.services import route53 as R
_change_sets = R._change_resource_record_sets
def change_sets(zone_id, body):
    zone, before = R._zones.get(zone_id), list(R._records.get(zone_id) or [])
    answer = _change_sets(zone_id, body)
    if answer[0] != 200: return answer
    types, said = {}, []
    for r in R._records[zone_id]: types.setdefault(r["Name"].lower(), set()).add(r["Type"])
    for name, all in types.items():
        if "CNAME" not in all: continue
        if name == zone["name"].lower(): said.append(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {name}")
        elif len(all) > 1: said.append(f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same DNS name in zone {zone['name']}")
    if not said: return answer
    R._records[zone_id] = before
    return R._error_response("InvalidChangeBatch", "[" + ", ".join(said) + "]")
R._change_resource_record_sets = change_sets

if __name__ == "__main__":
    from ministack.app import main
    main()
