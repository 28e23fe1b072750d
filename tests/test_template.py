"""What template.yaml must hold whatever else changes in it. The stack tests show that it works; this shows that it is
safe: nothing public, nothing unencrypted, no function that may do more than it does, no message lost too early."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load as load_template

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ("Upload", "Compress", "Cleanup", "Callback")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(load_template(str(ROOT / "template.yaml")))


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return dict(template["Resources"])


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: item.get("Properties", {}) for name, item in resources.items() if item["Type"] == kind}


def default(template: dict[str, Any], parameter: str) -> Any:
    return template["Parameters"][parameter]["Default"]


def statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in resources[role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(resources: dict[str, Any], role: str) -> set[tuple[str, str]]:
    """(action, resource) pairs, the resource as text."""
    return {
        (action, str(next(iter(target.values()))) if isinstance(target, dict) else str(target))
        for statement in statements(resources, role)
        for action in as_list(statement["Action"])
        for target in as_list(statement["Resource"])
    }


# --- times ----------------------------------------------------------------------------------------------------------


def test_a_message_stays_hidden_for_six_times_the_functions_time(template: dict[str, Any]) -> None:
    assert default(template, "VisibilityTimeout") >= 6 * default(template, "CompressTimeout")


def test_the_engine_is_stopped_before_its_function(template: dict[str, Any]) -> None:
    assert default(template, "EngineTimeoutSeconds") <= default(template, "CompressTimeout") - 30


def test_a_request_may_wait_for_a_minute(template: dict[str, Any]) -> None:
    assert default(template, "UploadTimeout") > 60


def test_a_lease_outlives_several_missed_heartbeats(template: dict[str, Any]) -> None:
    assert default(template, "LeaseSeconds") >= 3 * default(template, "HeartbeatSeconds")


def test_lifecycle_rules_are_the_floor_under_cleanup(template: dict[str, Any]) -> None:
    assert default(template, "LifecycleDays") * 24 > default(template, "MaxFileAgeHours")


def test_dead_letters_are_kept_longest(resources: dict[str, Any]) -> None:
    from pdfsmaller.services.giving_up import DEAD_LETTERS_KEPT_SECONDS

    queues = of_type(resources, "AWS::SQS::Queue")
    assert queues["DeadLetterQueue"]["MessageRetentionPeriod"] == DEAD_LETTERS_KEPT_SECONDS == 14 * 86_400
    # A message keeps its age when it moves there.
    assert queues["CompressQueue"]["MessageRetentionPeriod"] < 14 * 86_400


# --- queue and events -----------------------------------------------------------------------------------------------


def test_messages_come_one_by_one_and_fail_one_by_one(resources: dict[str, Any]) -> None:
    source = resources["CompressFunction"]["Properties"]["Events"]["Queue"]["Properties"]
    assert source["BatchSize"] == 1
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "MaximumConcurrency"}


def test_failed_messages_go_to_the_dead_letter_queue(resources: dict[str, Any]) -> None:
    redrive = resources["CompressQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert redrive["maxReceiveCount"] == {"Ref": "MaxReceiveCount"}


def test_both_prefixes_of_the_uploads_bucket_and_no_others_send_events(resources: dict[str, Any]) -> None:
    sent = resources["UploadsBucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert [item["Event"] for item in sent] == ["s3:ObjectCreated:*"] * 2
    assert [item["Filter"]["S3Key"]["Rules"][0] for item in sent] == [
        {"Name": "prefix", "Value": "jobs/"},
        {"Name": "prefix", "Value": "inbox/"},
    ]
    assert "NotificationConfiguration" not in resources["ResultsBucket"]["Properties"], "a result must not loop"


def test_only_our_own_bucket_may_send_to_the_queue(resources: dict[str, Any]) -> None:
    [statement, _] = resources["CompressQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "UploadsBucket'" not in str(statement), "a Ref or GetAtt of the bucket would be circular"
    assert "${UploadsBucket" not in str(statement)
    assert resources["UploadsBucket"]["DependsOn"] == "CompressQueuePolicy"


def test_the_schedule_is_an_eventbridge_rule(resources: dict[str, Any]) -> None:
    [event] = resources["CleanupFunction"]["Properties"]["Events"].values()
    assert event["Type"] == "Schedule"


# --- what is kept, and from whom ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["UploadsBucket", "ResultsBucket"])
def test_buckets_are_private_encrypted_and_tls_only(resources: dict[str, Any], name: str) -> None:
    bucket = resources[name]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [policy] = resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (policy["Effect"], policy["Action"]) == ("Deny", "s3:*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["UploadsBucket", "ResultsBucket"])
def test_buckets_delete_job_files_and_stale_uploads_but_no_drops(resources: dict[str, Any], name: str) -> None:
    rules = resources[name]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == ["jobs/"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "ExpirationInDays" not in rule] == [
        {"DaysAfterInitiation": 1}
    ]


def test_queues_and_table_are_encrypted(resources: dict[str, Any]) -> None:
    assert all(queue["SqsManagedSseEnabled"] is True for queue in of_type(resources, "AWS::SQS::Queue").values())
    assert resources["JobsTable"]["Properties"]["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize("queue", ["CompressQueue", "DeadLetterQueue"])
def test_queues_are_tls_only(resources: dict[str, Any], queue: str) -> None:
    policy = resources[f"{queue}Policy"]["Properties"]
    assert policy["Queues"] == [{"Ref": queue}]
    statement = policy["PolicyDocument"]["Statement"][-1]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false", "aws:PrincipalIsAWSService": "false"}}


@pytest.mark.parametrize("name", ["UploadsBucket", "ResultsBucket"])
def test_no_other_sites_page_reads_a_bucket_unless_it_is_named(
    template: dict[str, Any], resources: dict[str, Any], name: str
) -> None:
    assert default(template, "AllowedOrigins") == ""
    condition, rules, otherwise = resources[name]["Properties"]["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("HasAllowedOrigins", {"Ref": "AWS::NoValue"})
    assert [rule["AllowedOrigins"] for rule in rules["CorsRules"]] == [{"Ref": "AllowedOrigins"}]


def test_a_page_may_send_large_files_in_parts(resources: dict[str, Any]) -> None:
    [rule] = resources["UploadsBucket"]["Properties"]["CorsConfiguration"]["Fn::If"][1]["CorsRules"]
    assert {"POST", "PUT"} <= set(rule["AllowedMethods"])
    assert "ETag" in rule["ExposedHeaders"]
    lifecycle = resources["UploadsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {"DaysAfterInitiation": 1} in [rule.get("AbortIncompleteMultipartUpload") for rule in lifecycle]


def test_the_table_expires_rows_and_can_be_restored(resources: dict[str, Any]) -> None:
    table = resources["JobsTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    indexes = {index["IndexName"]: index["Projection"] for index in table["GlobalSecondaryIndexes"]}
    assert indexes == {name: {"ProjectionType": "KEYS_ONLY"} for name in ("by_status", "by_owner", "by_asker")}


def test_secrets_are_not_shown(template: dict[str, Any]) -> None:
    for name in ("SecretKey", "WebhookSecret"):
        assert template["Parameters"][name]["NoEcho"] is True
    assert "Default" not in template["Parameters"]["SecretKey"], "a key that everybody knows is none"
    assert not any("Secret" in name or "Key" in name for name in template["Outputs"])


def test_secrets_go_only_to_functions_that_use_them(template: dict[str, Any], resources: dict[str, Any]) -> None:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    secrets = {"SECRET_KEY", "WEBHOOK_SECRET"}
    assert not secrets & set(shared)
    given = {
        name: secrets & set(resources[f"{name}Function"]["Properties"]["Environment"]["Variables"])
        for name in FUNCTIONS
    }
    assert given == {
        "Upload": secrets,
        "Compress": {"SECRET_KEY"},
        "Cleanup": set(),
        "Callback": {"SECRET_KEY", "WEBHOOK_SECRET"},
    }


@pytest.mark.parametrize(
    ("parameter", "value", "taken"),
    [
        ("RateLimitDefault", "200 per day;50 per hour", True),
        ("RateLimitDefault", "", False),
        ("TrustedProxies", "", True),
        ("TrustedProxies", "1", True),
        ("TrustedProxies", "10.0.0.0/8, 2001:db8::/32", True),
        ("TrustedProxies", "proxy.example", False),
        ("UploadConcurrency", "", True),
        ("UploadConcurrency", "20", True),
        ("UploadConcurrency", "many", False),
    ],
)
def test_parameters_take_what_the_settings_take(
    template: dict[str, Any], parameter: str, value: str, taken: bool
) -> None:
    assert bool(re.fullmatch(template["Parameters"][parameter]["AllowedPattern"], value)) == taken


def test_numbers_that_make_no_sense_are_refused_before_anything_is_deployed(template: dict[str, Any]) -> None:
    from pdfsmaller.settings import KEY_MIN_CHARS

    parameters = template["Parameters"]
    assert parameters["MaxFileAgeHours"]["MinValue"] > 0
    assert parameters["UploadExpiresSeconds"]["MinValue"] > 0
    assert parameters["SecretKey"]["MinLength"] == KEY_MIN_CHARS


def test_what_a_flood_of_requests_costs_can_be_bounded(template: dict[str, Any], resources: dict[str, Any]) -> None:
    assert default(template, "UploadConcurrency") == "", "AWS keeps 100 of an account's 1,000 unreserved, or 10 of 10"
    assert resources["UploadFunction"]["Properties"]["ReservedConcurrentExecutions"] == {
        "Fn::If": ["HasUploadConcurrency", {"Ref": "UploadConcurrency"}, {"Ref": "AWS::NoValue"}]
    }


def test_an_open_function_url_demands_keys(template: dict[str, Any]) -> None:
    [rule] = template["Rules"].values()
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "UploadAuthType"}, "NONE"]}
    [assertion] = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "ApiKeysRequired"}, "true"]}


def test_the_function_url_is_closed_unless_it_is_opened(template: dict[str, Any], resources: dict[str, Any]) -> None:
    assert default(template, "UploadAuthType") == "AWS_IAM"
    [url] = of_type(resources, "AWS::Lambda::Url").values()
    assert "Cors" not in url, "the application answers for CORS"
    for name in of_type(resources, "AWS::Lambda::Permission"):
        assert resources[name]["Condition"] == "IsPublic"


# --- what the functions may do --------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_policies_name_their_actions_and_their_resources(resources: dict[str, Any], function: str) -> None:
    role = resources[f"{function}Role"]["Properties"]
    assert "ManagedPolicyArns" not in role
    for action, resource in allowed(resources, f"{function}Role"):
        assert "*" not in action
        assert resource != "*"
        assert not re.fullmatch(r"\$\{\w+\.Arn\}/\*", resource), "a whole bucket"


def test_no_function_may_reach_into_another_ones_work(resources: dict[str, Any]) -> None:
    upload, compress, cleanup = (allowed(resources, f"{name}Role") for name in ("Upload", "Compress", "Cleanup"))
    inbox, results_inbox = "${UploadsBucket.Arn}/inbox/*", "${ResultsBucket.Arn}/inbox/*"
    assert {action for action, resource in upload | compress if resource == inbox} <= {
        "s3:GetObject",
        "s3:GetObjectVersion",
    }
    assert ("s3:PutObject", results_inbox) not in upload
    assert {resource for action, resource in upload if action == "s3:GetObject" and "Uploads" in resource} == {
        "${UploadsBucket.Arn}/jobs/*",
        inbox,
    }, "what is here already is copied into new jobs"
    assert not [pair for pair in compress if pair[0] == "s3:PutObject" and "Uploads" in pair[1]]
    assert {pair for pair in cleanup if pair[0] in ("s3:GetObject", "s3:PutObject")} == {
        ("s3:GetObject", inbox),
        ("s3:PutObject", "${ResultsBucket.Arn}/errors/*"),
    }
    assert ("sqs:DeleteMessage", "['DeadLetterQueue', 'Arn']") not in cleanup, "it only looks at dead letters"


def test_who_sends_requests_to_where_callers_say_reaches_no_bucket(resources: dict[str, Any]) -> None:
    assert not [grant for grant in allowed(resources, "CallbackRole") if grant[0].startswith("s3:")]
    assert {str(target) for action, target in allowed(resources, "CallbackRole") if action.startswith("sqs:")} == {
        "['CallbackQueue', 'Arn']"
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logs_end(resources: dict[str, Any], function: str) -> None:
    assert resources[f"{function}Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert resources[f"{function}Function"]["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": f"{function}Logs"}}


# --- the functions --------------------------------------------------------------------------------------------------


def test_functions_start_with_what_they_need_and_no_more(template: dict[str, Any], resources: dict[str, Any]) -> None:
    layers = {
        name: [layer["Ref"] for layer in resources[f"{name}Function"]["Properties"]["Layers"]] for name in FUNCTIONS
    }
    core = ["CoreLayer"]
    assert layers == {"Upload": core, "Compress": [*core, "EngineLayer"], "Cleanup": core, "Callback": core}
    shared = template["Globals"]["Function"]
    assert (shared["Runtime"], shared["CodeUri"]) == ("python3.13", "functions/")
    compress = resources["CompressFunction"]["Properties"]
    assert template["Parameters"]["CompressMemory"]["MinValue"] >= 3538, "two processors"
    assert compress["EphemeralStorage"] == {"Size": 4096}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_handlers_are_there(resources: dict[str, Any], function: str) -> None:
    module, _, name = resources[f"{function}Function"]["Properties"]["Handler"].rpartition(".")
    source = ROOT / "functions" / f"{module.replace('.', '/')}.py"
    assert re.search(rf"^def {name}\(", source.read_text(), re.MULTILINE)


def test_layers_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = {*project["dependencies"], *project["optional-dependencies"]["service"]}
    # The command line's own, and what only runs the functions elsewhere than on Lambda.
    elsewhere = ("typer", "rich", "functions-framework", "gevent", "localstack-client")
    layered: set[str] = set()
    for file in (ROOT / "layers").glob("*/requirements*.txt"):
        lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        assert lines
        assert set(lines) <= known, f"{file} and pyproject.toml differ"
        layered |= set(lines)
    assert {line for line in known - layered if not line.startswith(elsewhere)} == set()


# --- operation ------------------------------------------------------------------------------------------------------


def test_alarms_watch_dead_letters_errors_and_age(resources: dict[str, Any]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
        for alarm in alarms.values()
        if alarm["Namespace"] == "AWS/SQS"
    }
    assert ("ApproximateNumberOfMessagesVisible", "DeadLetterQueue") in watched
    assert ("ApproximateNumberOfMessagesVisible", "CallbackDeadLetterQueue") in watched
    assert ("ApproximateAgeOfOldestMessage", "CompressQueue") in watched
    crashes = {str(a["Dimensions"][0]["Value"]["Ref"]) for a in alarms.values() if a["MetricName"] == "Errors"}
    assert crashes == {"CompressFunction", "CleanupFunction", "CallbackFunction"}
    assert all(alarm["TreatMissingData"] == "notBreaching" for alarm in alarms.values())


def test_outputs_name_what_an_operator_needs(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) >= {
        "UploadsBucketName",
        "ResultsBucketName",
        "CompressQueueUrl",
        "DeadLetterQueueUrl",
        "JobsTableName",
        "UploadFunctionName",
        "CompressFunctionName",
        "CleanupFunctionName",
        "UploadFunctionUrl",
    }
