//! Log objects as a busy account has them: the calls, callers, sizes and repetitions of the real
//! thing, all made up. They shrink by gzip as real ones do, 10 to 15 times; a test of the inflater
//! on anything else would say little.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use support::random::Random;

const ACCOUNT: &str = "111122223333";
const REGIONS: [&str; 3] = ["us-east-1", "eu-central-1", "us-west-2"];
const AGENTS: [&str; 6] = [
    "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.173.0",
    "Boto3/1.34.131 md/Botocore#1.34.131 ua/2.0 os/linux#5.10.220 md/arch#x86_64 lang/python#3.11.6 cfg/retry-mode#legacy",
    "APN/1.0 HashiCorp/1.0 Terraform/1.9.2 (+https://www.terraform.io) terraform-provider-aws/5.60.0",
    "aws-cli/2.17.18 md/awscrt#0.20.11 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11.9 md/command#ec2.describe-instances",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "kubernetes/v1.29.6 \\u003cnode-agent\\u003e aws-sdk-go/1.51.11",
];

/// Service, call, whether it only reads, and its parameters, in which `?` is an id.
type Call = (&'static str, &'static str, bool, &'static str);

const CALLS: [Call; 20] = [
    (
        "sts",
        "AssumeRole",
        true,
        r#"{"roleArn":"arn:aws:iam::111122223333:role/service-?","roleSessionName":"session-?","durationSeconds":3600}"#,
    ),
    (
        "ec2",
        "DescribeInstances",
        true,
        r#"{"instancesSet":{},"filterSet":{"items":[{"name":"tag:Name","valueSet":{"items":[{"value":"node-?"}]}}]}}"#,
    ),
    (
        "kms",
        "Decrypt",
        true,
        r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::data-?/part"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
    ),
    (
        "s3",
        "GetBucketAcl",
        true,
        r#"{"bucketName":"data-?","Host":"data-?.s3.us-east-1.amazonaws.com","acl":""}"#,
    ),
    (
        "kms",
        "GenerateDataKey",
        true,
        r#"{"keyId":"arn:aws:kms:us-east-1:111122223333:key/?","keySpec":"AES_256"}"#,
    ),
    (
        "logs",
        "CreateLogStream",
        false,
        r#"{"logGroupName":"/aws/lambda/worker-?","logStreamName":"2026/03/01/[$LATEST]?"}"#,
    ),
    (
        "ec2",
        "DescribeSecurityGroups",
        true,
        r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-?"}]},"filterSet":{}}"#,
    ),
    (
        "ec2",
        "DescribeVolumes",
        true,
        r#"{"maxResults":500,"volumeSet":{},"filterSet":{"items":[{"name":"attachment.instance-id","valueSet":{"items":[{"value":"i-?"}]}}]}}"#,
    ),
    ("iam", "GetRole", true, r#"{"roleName":"service-?"}"#),
    (
        "lambda",
        "GetFunctionConfiguration20150331v2",
        true,
        r#"{"functionName":"arn:aws:lambda:us-east-1:111122223333:function:worker-?"}"#,
    ),
    ("dynamodb", "DescribeTable", true, r#"{"tableName":"table-?"}"#),
    (
        "elasticloadbalancing",
        "DescribeTargetHealth",
        true,
        r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/?"}"#,
    ),
    (
        "ssm",
        "UpdateInstanceInformation",
        false,
        r#"{"instanceId":"i-?","agentVersion":"3.3.551.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux"}"#,
    ),
    ("iam", "ListAttachedRolePolicies", true, r#"{"roleName":"service-?","maxItems":100}"#),
    (
        "secretsmanager",
        "GetSecretValue",
        true,
        r#"{"secretId":"arn:aws:secretsmanager:us-east-1:111122223333:secret:app/?"}"#,
    ),
    (
        "ec2",
        "CreateNetworkInterface",
        false,
        r#"{"subnetId":"subnet-?","description":"AWS Lambda VPC ENI","groupSet":{"items":[{"groupId":"sg-?"}]},"privateIpAddressesSet":{}}"#,
    ),
    (
        "monitoring",
        "PutMetricAlarm",
        false,
        r#"{"alarmName":"high-?","metricName":"CPUUtilization","threshold":80,"period":60,"evaluationPeriods":5,"statistic":"Average"}"#,
    ),
    (
        "s3",
        "PutBucketPolicy",
        false,
        r#"{"bucketName":"data-?","bucketPolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Read\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/service-?\"},\"Action\":[\"s3:GetObject\"],\"Resource\":\"arn:aws:s3:::data-?/*\"}]}"}"#,
    ),
    (
        "iam",
        "PutRolePolicy",
        false,
        r#"{"roleName":"service-?","policyName":"inline","policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"*\"}]}"}"#,
    ),
    (
        "autoscaling",
        "DescribeAutoScalingGroups",
        true,
        r#"{"autoScalingGroupNames":["nodes-?"],"maxRecords":100}"#,
    ),
];

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Log objects.
    pub objects: usize,
    /// Inflated bytes of each, about.
    pub object_bytes: usize,
    /// Of a hundred objects so many hold one group change.
    pub hit_percent: usize,
}

/// Gzipped log objects, the same for the same plan.
pub fn objects(plan: Plan) -> Vec<Vec<u8>> {
    let hit = |at: usize| (at + 1) * plan.hit_percent / 100 > at * plan.hit_percent / 100;
    (0..plan.objects).map(|at| gzip(&text(at as u64, plan.object_bytes, hit(at)))).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

const CHANGE: Call = ("iam", "CreateGroup", false, r#"{"groupName":"team-?"}"#);

/// One log object of about so many bytes; a group change stands in its middle, if any.
fn text(seed: u64, bytes: usize, hit: bool) -> String {
    let mut world = World::new(seed);
    let mut text = String::with_capacity(bytes + 4096);
    text.push_str("{\"Records\":[");
    world.records(&mut text, bytes / 2);
    if hit {
        world.record(&mut text, &CHANGE);
    }
    world.records(&mut text, bytes);
    text.pop();
    text.push_str("]}");
    text
}

/// What the records of one object have in common: it is of one region and five minutes, and a few
/// callers make most of the calls.
struct World {
    random: Random,
    region: &'static str,
    callers: Vec<String>,
    ids: Vec<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let callers = (0..40).map(|at| caller(&mut random, at)).collect();
        let ids = (0..400).map(|_| format!("{:017x}", random.next_u64() >> 4)).collect();
        World { region: REGIONS[seed as usize % REGIONS.len()], callers, ids, random }
    }

    /// Records until `text` has `bytes`.
    fn records(&mut self, text: &mut String, bytes: usize) {
        while text.len() < bytes {
            let call = self.random.skewed(&CALLS);
            self.record(text, call);
        }
    }

    fn record(&mut self, text: &mut String, (service, call, reads, parameters): &Call) {
        let random = &mut self.random;
        let (caller, region) = (random.skewed(&self.callers), self.region);
        let id: &String = random.skewed(&self.ids);
        let parameters = parameters.replace('?', id);
        let (minute, second) = (random.below(5), random.below(60));
        let address = format!("198.51.100.{}", random.below(60));
        let agent = random.skewed(&AGENTS);
        let (request, event) = (random.uuid(), random.uuid());
        let failed = if random.below(40) == 0 {
            "\"errorCode\":\"AccessDenied\",\"errorMessage\":\"not authorized to perform this action\","
        } else {
            ""
        };
        let answer = if *reads {
            "null".to_owned()
        } else {
            format!("{{\"requestId\":\"{request}\",\"_return\":true}}")
        };
        text.push_str(&format!(
            "{{\"eventVersion\":\"1.11\",\"userIdentity\":{caller},\"eventTime\":\"2026-03-01T10:0{minute}:{second:02}Z\",\
             \"eventSource\":\"{service}.amazonaws.com\",\"eventName\":\"{call}\",\"awsRegion\":\"{region}\",\
             \"sourceIPAddress\":\"{address}\",\"userAgent\":\"{agent}\",{failed}\"requestParameters\":{parameters},\
             \"responseElements\":{answer},\"requestID\":\"{request}\",\"eventID\":\"{event}\",\"readOnly\":{reads},\
             \"eventType\":\"AwsApiCall\",\"managementEvent\":true,\"recipientAccountId\":\"{ACCOUNT}\",\
             \"eventCategory\":\"Management\",\"tlsDetails\":{{\"tlsVersion\":\"TLSv1.3\",\
             \"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\
             \"clientProvidedHostHeader\":\"{service}.{region}.amazonaws.com\"}}}},"
        ));
    }
}

/// A `userIdentity`: a role's session, or now and then a service of AWS itself.
fn caller(random: &mut Random, at: usize) -> String {
    if at % 8 == 3 {
        return format!("{{\"type\":\"AWSService\",\"invokedBy\":\"service{at}.amazonaws.com\"}}");
    }
    let (role, session, id, key) =
        (format!("service-{at}"), random.next_u64() >> 20, random.key(17), random.key(16));
    format!(
        "{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{id}:{session:x}\",\
         \"arn\":\"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session:x}\",\"accountId\":\"{ACCOUNT}\",\
         \"accessKeyId\":\"ASIA{key}\",\"sessionContext\":{{\"sessionIssuer\":{{\"type\":\"Role\",\
         \"principalId\":\"AROA{id}\",\"arn\":\"arn:aws:iam::{ACCOUNT}:role/{role}\",\"accountId\":\"{ACCOUNT}\",\
         \"userName\":\"{role}\"}},\"attributes\":{{\"creationDate\":\"2026-03-01T09:4{}:00Z\",\
         \"mfaAuthenticated\":\"false\"}}}}}}",
        at % 10
    )
}
